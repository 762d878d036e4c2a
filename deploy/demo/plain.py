"""The picture as progress lines, as a summary, and as the one JSON object. Pure.

In: pictures. Out: text and dicts; `README.md` and the tests rely on the names in them. Who calls: `__main__`.
"""

from typing import Any

from demo.picture import HubView, Picture, Stage, short


def news(before: Picture, after: Picture) -> list[str]:
    """Return what a person wants to hear about between two pictures."""
    found = []
    for old, new in zip(before.hubs, after.hubs, strict=True):
        found += _hub_news(old, new)
    if before.seconds_to_peers is None and after.seconds_to_peers is not None:
        found.append("each hub sees the two others")
    if after.is_equal and after.seconds_to_equal is not None and before.hubs != after.hubs and not _was_equal(before):
        found.append(f"all three hold the same {after.target} posts ({short(after.hubs[0].fingerprint)})")
    return found


def _was_equal(picture: Picture) -> bool:
    return picture.seconds_to_equal is not None and picture.is_equal


def _hub_news(old: HubView, new: HubView) -> list[str]:
    found = []
    if new.page and not old.page:
        found.append(f"{new.name} runs, its page is {new.page}")
    if new.stage is Stage.MEMBER and old.stage is not Stage.MEMBER:
        found.append(f"{new.name} belongs to the network")
    known = {one.hub for one in old.seen}
    found += [f"{new.name} sees {one.name or 'a hub'} ({one.how})" for one in new.seen if one.hub not in known]
    left = {one.hub for one in new.seen}
    found += [f"{new.name} sees {one.name or 'a hub'} no more" for one in old.seen if one.hub not in left]
    if new.posts != old.posts:
        found.append(f"{new.name} holds {new.needs} needs and {new.offers} offers")
    return found


def summary(picture: Picture) -> list[str]:
    """Return the result for people."""
    width = max(len(hub.name) for hub in picture.hubs)
    found = []
    for hub in picture.hubs:
        seen = " and ".join(f"{one.name} ({one.how})" for one in hub.seen) or "nobody"
        found.append(f"{hub.name:<{width}}  {hub.page}")
        found.append(f"  sees {seen}")
        held = f"{hub.needs} needs and {hub.offers} offers, {hub.records} entries in all"
        found.append(f"  holds {held}, fingerprint {short(hub.fingerprint)}")
    if picture.is_complete:
        times = f"met after {picture.seconds_to_peers or 0:.1f} s, equal after {picture.seconds_to_equal or 0:.1f} s"
        return [*found, f"All three hold the same ({times})."]
    return [*found, "Not all is as it should be:", *(f"  {line}" for line in picture.missing())]


def as_json(picture: Picture, failure: str = "") -> dict[str, Any]:
    """Return the result for programs; seconds are counted from the start of the demo.

    Args:
        picture: the last one.
        failure: why the demo could not go on, if so.
    """
    is_good = picture.is_complete and not failure
    view: dict[str, Any] = {
        "hubs": [_hub_json(hub) for hub in picture.hubs],
        "seconds_to_peers": _rounded(picture.seconds_to_peers),
        "seconds_to_equal": _rounded(picture.seconds_to_equal),
        "equal": is_good,
    }
    return view if is_good else view | {"missing": [failure, *picture.missing()] if failure else picture.missing()}


def _hub_json(hub: HubView) -> dict[str, Any]:
    fingerprint = hub.fingerprint
    return {
        "id": hub.id,
        "name": hub.name,
        "peers": [{"id": one.hub, "found_by": one.found_by} for one in hub.seen],
        "records": hub.records,
        "needs": hub.needs,
        "offers": hub.offers,
        "fingerprint": {"as_of": fingerprint.as_of, "count": fingerprint.count, "hash": fingerprint.hash},
        "page": hub.page,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
