"""Credentials for Faust's Kafka client, aiokafka, in a separate module because importing Faust takes a second."""

import ssl

from faust import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from schemas.errors import SettingsError
from stream.settings import KafkaSettings


def faust_credentials(kafka: KafkaSettings) -> CredentialsT | None:
    """Return the credentials in Faust's form; None for an unsecured connection.

    Raises:
        SettingsError: If a certificate or a key cannot be read.
    """
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if kafka.security_protocol.endswith("SSL"):
        try:
            context = ssl.create_default_context(cafile=kafka.ssl_ca or None)
            if kafka.ssl_certificate:
                context.load_cert_chain(kafka.ssl_certificate, kafka.ssl_key or None)
        except OSError as error:
            raise SettingsError(f"TLS: {error}; check FRAUD_KAFKA_SSL_CA, _CERTIFICATE and _KEY") from error
    if not kafka.security_protocol.startswith("SASL"):
        return SSLCredentials(context)
    return SASLCredentials(
        username=kafka.sasl_username,
        password=kafka.sasl_password,
        mechanism=kafka.sasl_mechanism,
        ssl_context=context,
    )
