# syntax=docker/dockerfile:1

# Build with uv, run without it: the final image has Python, the dependencies and the steward.
FROM python:3.13-slim AS build
COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project
COPY src src
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home steward
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1
# An empty folder, so that no .env file is picked up by chance. Settings come from the environment.
WORKDIR /home/steward
USER steward

# Only a container that serves HTTP can be asked; one that serves stdio is healthy while it runs.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-m", "litellm_steward.serving.health"]

# stdio, for a host that starts the container itself:
#   docker run -i --rm -e LITELLM_BASE_URL -e LITELLM_MASTER_KEY litellm-steward
# HTTP, for clients that bring the token, under the name that they know it by:
#   docker run --rm -p 8000:8000 -e LITELLM_BASE_URL -e LITELLM_MASTER_KEY -e STEWARD_AUTH_TOKEN \
#     -e STEWARD_ALLOWED_HOSTS=localhost:8000 litellm-steward serve --transport streamable-http --host 0.0.0.0
ENTRYPOINT ["litellm-steward"]
