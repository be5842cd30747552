# syntax=docker/dockerfile:1
# The stream programs and their command line, without MLflow, scikit-learn, pandas, pip or a compiler.
FROM python:3.13-slim AS build
# Needed only on platforms for which some package has no wheel.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python -m venv --without-pip /opt/fraud
COPY requirements/serving.txt requirements/
RUN pip --python /opt/fraud/bin/python install --no-deps --no-cache-dir --require-hashes -r requirements/serving.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY stream stream
# `training` is not copied, so its command `fraud-train` would not work.
RUN pip --python /opt/fraud/bin/python install --no-deps --no-cache-dir --no-build-isolation . \
    && rm /opt/fraud/bin/fraud-train

FROM python:3.13-slim
# A new volume gets the owner of the directory on which it is first mounted.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fraud \
    && install -d -o fraud -g fraud /archive /bundles
COPY --from=build /opt/fraud /opt/fraud
ENV PATH=/opt/fraud/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    FRAUD_ARCHIVE_URL=/archive \
    FRAUD_BUNDLE_STORE=/bundles \
    FRAUD_WEB_HOST=0.0.0.0 \
    FRAUD_WEB_PORT=6066
WORKDIR /tmp
USER 10001:10001
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:6066/healthz', timeout=8)"]
CMD ["fraud-stream", "worker"]
