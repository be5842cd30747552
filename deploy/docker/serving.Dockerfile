# syntax=docker/dockerfile:1
# The stream programs and their command line, without MLflow, scikit-learn, pandas, pyarrow, pip or a compiler.

# Another base: docker build --build-arg BASE=mirror.example.com/python:3.13-slim@sha256:…
ARG BASE=pinned
# Dependabot updates this line and no arguments, so the argument names this stage.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS pinned

FROM ${BASE} AS build
# For strip, and for platforms for which some package has no wheel.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python -m venv --without-pip /opt/fraud
COPY requirements/serving.txt requirements/
RUN pip --python /opt/fraud/bin/python install --no-deps --no-cache-dir --require-hashes -r requirements/serving.txt
# Remove what only compilers, debuggers and the packages' own tests read, and ONNX Runtime's C library, which its Python
# module contains once more: more than a third of the size.
RUN find /opt/fraud -depth \( -type d \( -name test -o -name tests \) \
        -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.a' \
        -o -path '*/onnxruntime/capi/libonnxruntime.so.*' -o -path '*/onnxruntime/transformers' \) -exec rm -r {} + \
    && find /opt/fraud -name '*.so*' -type f -exec strip --strip-unneeded {} +
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY stream stream
# `training` is not copied, so its command `fraud-train` would not work.
RUN pip --python /opt/fraud/bin/python install --no-deps --no-cache-dir --no-build-isolation . \
    && pip --python /opt/fraud/bin/python uninstall --yes setuptools \
    && rm /opt/fraud/bin/fraud-train

FROM ${BASE}
# A new volume gets the owner of the directory on which it is first mounted.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fraud \
    && install -d -o fraud -g fraud /bundles
COPY --from=build /opt/fraud /opt/fraud
ENV PATH=/opt/fraud/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    FRAUD_BUNDLE_STORE=/bundles \
    FRAUD_WEB_HOST=0.0.0.0 \
    FRAUD_WEB_PORT=6066
WORKDIR /tmp
USER 10001:10001
EXPOSE 6066
# Images in OCI format, such as podman builds by default, have no health checks: build with --format docker, or use the
# services of docker-compose.yml or the probes of deploy/kubernetes, which have their own.
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:6066/healthz', timeout=8)"]
CMD ["fraud-stream", "worker"]
