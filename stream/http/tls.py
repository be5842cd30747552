"""Check the TLS certificate and key."""

import ssl

from schemas.errors import SettingsError
from stream.settings import HttpSettings


def require_tls(http: HttpSettings) -> None:
    """Check that the TLS certificate and key are usable, if the settings name any.

    Raises:
        SettingsError: If only one of the two is set, or they cannot be read or do not match.
    """
    certificate, key = http.tls_certificate, http.tls_key
    if bool(certificate) != bool(key):
        raise SettingsError("TLS needs both FRAUD_HTTP_TLS_CERTIFICATE and FRAUD_HTTP_TLS_KEY; set both or neither")
    if not certificate:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # includes ssl.SSLError
        raise SettingsError(
            f"FRAUD_HTTP_TLS_CERTIFICATE={certificate} and FRAUD_HTTP_TLS_KEY={key} cannot be used: {error.strerror}"
        ) from None
