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
    if settings.kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if settings.kafka.security_protocol.endswith("SSL"):
        try:
            context = ssl.create_default_context(cafile=settings.kafka.ssl_ca or None)
            if settings.kafka.ssl_certificate:
                context.load_cert_chain(settings.kafka.ssl_certificate, settings.kafka.ssl_key or None)
        except OSError as error:
            raise SettingsError(f"TLS: {error}; look at FRAUD_KAFKA_SSL_CA, _CERTIFICATE and _KEY") from error
    if not settings.kafka.security_protocol.startswith("SASL"):
        return SSLCredentials(context)
    return SASLCredentials(
        username=settings.kafka.sasl_username,
        password=settings.kafka.sasl_password,
        mechanism=settings.kafka.sasl_mechanism,
        ssl_context=context,
    )
