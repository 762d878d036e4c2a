"""Needs and offers: publish, find, change, renew, end."""
