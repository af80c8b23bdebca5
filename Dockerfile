# The components, the command line and a whole TFX stack: what a step of a pipeline runs in.
#
#   docker build -t tfx-savedmodel:tfx-1.15 .
#   docker build -t tfx-savedmodel:tfx-1.21 --build-arg STACK=tfx-1.21 --build-arg BASE=python:3.13-slim-trixie .
#
# `make image STACK=…` does the same with buildah, and makes a base where none can be pulled. Behind a proxy, secrets
# reach the steps that use the network and no layer: `certificates`, a bundle of certificate authorities; `network`, lines
# of shell that export what pip, uv and apt read (PIP_INDEX_URL, UV_DEFAULT_INDEX, https_proxy, …); `uv`, a uv.toml.

# A Debian or Ubuntu with the stack's Python first on the path: 3.10 for tfx-1.15; 3.13 and glibc 2.39 for tfx-1.21.
ARG BASE=python:3.10-slim-bookworm

# The stack, exactly as it is locked. What comes as source only is compiled here, and the compiler stays here.
FROM ${BASE} AS stack
ARG STACK=tfx-1.15
RUN --mount=type=secret,id=network --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99network \
    if [ -f /run/secrets/network ]; then . /run/secrets/network; fi; \
    apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends g++ >/dev/null
WORKDIR /build
COPY requirements/uv.txt requirements/
RUN --mount=type=secret,id=network --mount=type=secret,id=certificates \
    if [ -f /run/secrets/network ]; then . /run/secrets/network; fi; \
    if [ -f /run/secrets/certificates ]; then export PIP_CERT=/run/secrets/certificates; fi; \
    python3 -m venv uv && \
    uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
COPY requirements/${STACK}.in requirements/${STACK}.txt requirements/
COPY make/image_trim.py ./
# Copied, not linked: the cache is another file system.
RUN --mount=type=secret,id=network --mount=type=secret,id=certificates --mount=type=secret,id=uv \
    --mount=type=cache,id=tfx-savedmodel-${STACK},target=/var/cache/uv \
    if [ -f /run/secrets/network ]; then . /run/secrets/network; fi; \
    if [ -f /run/secrets/certificates ]; then export SSL_CERT_FILE=/run/secrets/certificates; fi; \
    if [ -f /run/secrets/uv ]; then export UV_CONFIG_FILE=/run/secrets/uv; fi; \
    export UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy && \
    uv/bin/uv venv --quiet --no-project --python python3 /opt/tfx-savedmodel && \
    uv/bin/uv pip sync --quiet --python /opt/tfx-savedmodel/bin/python --require-hashes requirements/${STACK}.txt && \
    /opt/tfx-savedmodel/bin/python image_trim.py requirements/${STACK}.in

# Our package, built by the locked tools and laid out as it will lie in the last stage: nothing is fetched.
FROM stack AS package
COPY LICENSE MANIFEST.in README.md pyproject.toml setup.py ./
COPY components components
COPY templates templates
RUN /opt/tfx-savedmodel/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --wheel-dir wheels . && \
    /opt/tfx-savedmodel/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-index --no-deps \
    --no-compile --root-user-action ignore --no-warn-script-location --root /package wheels/*.whl

FROM ${BASE}
# Any other user will do as well, one without a name too: HOME is everybody's.
RUN useradd --uid 1000 --gid 0 --home-dir /home/tfx --create-home --shell /bin/sh tfx && chmod 1777 /home/tfx
COPY --from=stack /opt/tfx-savedmodel /opt/tfx-savedmodel
# `python -m tfx…`, the command of every step that KubeflowV2DagRunner compiles, and `tfx-savedmodel` are found here.
ENV PATH=/opt/tfx-savedmodel/bin:$PATH HOME=/home/tfx USER=tfx
# Copied: a mount of another stage is no reason for buildah to run a step again, however that stage has changed.
COPY --from=package /package/opt/tfx-savedmodel /opt/tfx-savedmodel
# Before the last RUN: buildah asks of that alone, and of no LABEL, whether an argument has changed.
ARG STACK=tfx-1.15
ARG VERSION
ARG REVISION
ARG SOURCES
RUN python -m compileall -q --invalidation-mode unchecked-hash \
    "$(python -c 'import importlib.util; print(*importlib.util.find_spec("tfx_savedmodel").submodule_search_locations)')"
LABEL org.opencontainers.image.title="tfx-savedmodel" \
      org.opencontainers.image.description="TFX components that export, convert and validate SavedModels, with ${STACK}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      tfx-savedmodel.stack="${STACK}" \
      tfx-savedmodel.sources="${SOURCES}"
WORKDIR /home/tfx
USER 1000
ENTRYPOINT ["tfx-savedmodel"]
CMD ["--help"]
