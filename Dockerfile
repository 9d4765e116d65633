# The console is built first; the image holds the program and what it needs to run.
FROM node:22-slim AS console
WORKDIR /app
COPY docs/openapi.json docs/tradingview.pine docs/
COPY frontend frontend
COPY adapters/words adapters/words
RUN cd frontend && npm ci && npm run build

FROM python:3.11-slim
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY domain domain
COPY application application
COPY projections projections
COPY adapters adapters
COPY web web
COPY aristobot aristobot
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . && useradd --create-home aristobot && mkdir /data && chown aristobot /data
COPY --from=console /app/frontend/dist frontend/dist
USER aristobot
VOLUME /data
ENTRYPOINT ["python", "-m", "aristobot"]
CMD ["--help"]
