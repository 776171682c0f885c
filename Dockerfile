# Assent in a container: a wheel is built in the first stage, and only what runs is in the second.
# No secret is baked in: the signing key and the store's keys are made in the volume /data on the first start.

FROM python:3.12-slim AS build
WORKDIR /source
RUN python -m venv /opt/assent
COPY pyproject.toml README.md ./
COPY terminology terminology
COPY profiles profiles
COPY operations operations
COPY server server
RUN /opt/assent/bin/python -m pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.12-slim
LABEL org.opencontainers.image.title="Assent" \
      org.opencontainers.image.description="A FHIR R4 server for medical prior authorization" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 assent \
 && useradd --system --uid 10001 --gid assent --no-create-home --home-dir /data --shell /usr/sbin/nologin assent \
 && install --directory --owner=assent --group=assent --mode=0700 /data
COPY --from=build /opt/assent /opt/assent
ENV PATH=/opt/assent/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ASSENT_HOST=0.0.0.0 \
    ASSENT_PORT=8080 \
    ASSENT_DATA=/data
USER assent
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['ASSENT_PORT']}/health\", timeout=4).close()"]
ENTRYPOINT ["assent"]
CMD ["serve"]
