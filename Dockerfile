# Build with uv, run without it: the final image has Python, the dependencies and the steward.
# The image's digest is that of the tag in docker-library/repo-info, for every platform. `docker buildx imagetools inspect
# python:3.13-slim-trixie` shows the present one; a test wants the same in both stages.
FROM python:3.13.14-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6 AS build
COPY .ci/uv.txt /build/
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes -r /build/uv.txt
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project
COPY src src
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-editable

FROM python:3.13.14-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6
RUN useradd --system --uid 10001 --no-create-home steward
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
# Settings come from the environment, or from a mounted file that STEWARD_ENV_FILE names.
WORKDIR /home/steward
USER steward

# Only a container that serves HTTP can be asked; one that serves stdio is healthy while it runs.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-m", "litellm_steward.serving.health"]

# stdio, for a host that starts the container itself:
#   docker run -i --rm -e LITELLM_BASE_URL -e LITELLM_MASTER_KEY litellm-steward
# Variables are named here and not set, since other users of a machine can read its command lines.
# HTTP, for clients that bring the token, under the name that they know it by:
#   docker run --rm -p 8000:8000 -e LITELLM_BASE_URL -e LITELLM_MASTER_KEY -e STEWARD_AUTH_TOKEN \
#     -e STEWARD_ALLOWED_HOSTS=localhost:8000 litellm-steward serve --transport streamable-http --host 0.0.0.0
ENTRYPOINT ["litellm-steward"]
