"""Whether TLS can be had with the files that the settings name."""

import ssl

from schemas.errors import SettingsError
from stream.settings import Settings


def require_tls(settings: Settings) -> None:
    """Check certificate and key, where there are any.

    Raises:
        SettingsError: If one is given without the other, or they cannot be read, or do not belong together.
    """
    certificate, key = settings.http.tls_certificate, settings.http.tls_key
    if bool(certificate) != bool(key):
        raise SettingsError("TLS takes FRAUD_HTTP_TLS_CERTIFICATE and FRAUD_HTTP_TLS_KEY; set both, or none")
    if not certificate:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # of which ssl's own errors are a kind
        raise SettingsError(
            f"FRAUD_HTTP_TLS_CERTIFICATE={certificate} and FRAUD_HTTP_TLS_KEY={key} cannot be used: {error.strerror}"
        ) from None
