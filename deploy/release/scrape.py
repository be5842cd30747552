"""Reads the metrics page of an instance."""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

from deploy.release.errors import ReleaseError
from deploy.release.sample import Sample, parse_sample
from deploy.release.tracks import Program

#: Seconds to wait for a page.
SCRAPE_S = 2.0
#: Status codes of a request without a key, and with one that lacks the scope.
_REFUSED = {401, 403}


def scrape(instance: str, program: Program, url: str, headers: Mapping[str, str]) -> Sample | None:
    """Return a sample of an instance's metrics; None if it does not respond with a complete page.

    Args:
        instance: Name of the instance.
        program: Program of the instance.
        url: URL of the instance, without a path.
        headers: Headers of the request, such as an API key.

    Raises:
        ReleaseError: If the instance refuses to show its metrics with these headers.
    """
    request = urllib.request.Request(f"{url}/metrics", headers=dict(headers))  # noqa: S310 - the target's own URL
    try:
        with urllib.request.urlopen(request, timeout=SCRAPE_S) as page:  # noqa: S310 - the same
            text = page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            if error.code not in _REFUSED:
                return None
        # The instance would count as missing, and the release would be rejected for no fault of its own.
        raise ReleaseError(
            f"{instance} refuses to show its metrics ({error.code}); use a key with the scope metrics"
        ) from None
    # HTTPException: the instance ended while it responded.
    except (OSError, HTTPException):
        return None
    return parse_sample(instance, program, time.monotonic(), text)
