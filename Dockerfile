# The gateway with a Mosquitto of its own. Built from a clone: docker build --tag autocore .
FROM python:3.11-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev nodejs npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Everything that is installed comes out of this folder, and everything in it has the hash that the lock file names.
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --no-deps --require-hashes --requirement requirements.lock --wheel-dir /wheels
# The front end and the catalogues are made by the build back end, script/hatch_build.py.
COPY . .
RUN pip wheel --no-cache-dir --no-deps --no-index --find-links /wheels --wheel-dir /built . \
    && python -m venv /opt/autocore \
    && /opt/autocore/bin/pip install --no-cache-dir --no-index --find-links /wheels /built/autocore-*.whl

FROM python:3.11-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends mosquitto \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 990 --home-dir /data --shell /usr/sbin/nologin autocore \
    && install --directory --owner autocore --mode 0700 /config /data
COPY --from=build /opt/autocore /opt/autocore
COPY --chown=autocore docs/docker/config.yaml /config/config.yaml
ENV PATH=/opt/autocore/bin:$PATH PYTHONUNBUFFERED=1
USER autocore
VOLUME ["/config", "/data"]
EXPOSE 8080 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["autocore"]
CMD ["run", "--config", "/config", "--data", "/data"]
