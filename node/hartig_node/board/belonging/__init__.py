"""This hub as a member, who else may come in, and which programs and devices may."""
