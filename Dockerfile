# One image for `web`, `worker`, `migrate` and the other commands: docs/deploy.md.
FROM debian:bookworm-slim AS base
# Without versions: Debian stable's security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY requirements.txt /build/
# What only compilers, type checkers and the packages' own tests read makes a third of it.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --require-hashes \
        --only-binary=:all: --requirement /build/requirements.txt \
    && find /opt/venv -name '*.so*' -exec strip --strip-unneeded {} + \
    && find /opt/venv \( -name '*.c' -o -name '*.h' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.pyx' \) -delete \
    && find /opt/venv -type d -name tests -prune -exec rm -rf {} +

FROM base
RUN useradd --system --uid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin svyazka
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY alembic.ini ./
COPY app ./app
COPY docs/how-to-use.md docs/privacy.md ./docs/
COPY migrations ./migrations
COPY static ./static
COPY templates ./templates
RUN /opt/venv/bin/python -m compileall -q app migrations
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:%s/healthz' % (os.environ.get('METRICS_PORT') or os.environ['PORT']), timeout=4)"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["web"]
