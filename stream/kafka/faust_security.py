"""Faust's own client, aiokafka, secured as librdkafka's are. Apart from these, for loading Faust takes a second."""

import ssl

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from schemas.errors import SettingsError
from stream.settings import Settings


def faust_credentials(settings: Settings) -> CredentialsT | None:
    """Return what Faust takes; None where nothing is secured.

    Raises:
        SettingsError: If a certificate or a key cannot be read.
    """
    if settings.security_protocol == "PLAINTEXT":
        return None
    context = None
    if settings.security_protocol.endswith("SSL"):
        try:
            context = ssl.create_default_context(cafile=settings.ssl_ca or None)
            if settings.ssl_certificate:
                context.load_cert_chain(settings.ssl_certificate, settings.ssl_key or None)
        except OSError as error:
            raise SettingsError(f"TLS: {error}; look at FRAUD_SSL_CA, _CERTIFICATE and _KEY") from error
    if not settings.security_protocol.startswith("SASL"):
        return SSLCredentials(context)
    return SASLCredentials(
        username=settings.sasl_username,
        password=settings.sasl_password,
        mechanism=settings.sasl_mechanism,
        ssl_context=context,
    )
