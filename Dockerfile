# docker build -t ttc-explorer . && docker run --rm -p 7860:7860 ttc-explorer
FROM python:3.11-slim

# Where there is no NVIDIA GPU, naming PyTorch's index of CPU wheels here saves gigabytes.
ARG PIP_EXTRA_INDEX_URL

RUN useradd --create-home --uid 1000 user
USER user
ENV HOME=/home/user \
    PATH=/home/user/python/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
RUN python -m venv /home/user/python
WORKDIR /home/user/app

# The requirements first: they change seldom, and an image layer keeps them.
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=user . .

EXPOSE 7860
CMD ["python", "app.py"]
