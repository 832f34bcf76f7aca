"""Loggers of events with fields: `logger.warning("float.low", rail="paypal")`. What formats them,
structlog, takes longer to import than most commands take to run, so the first event imports it."""

from typing import Any


class EventLogger:
    """A structlog logger of this name, made at its first event."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, event: str, **fields: Any) -> None:
        self._logger().info(event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._logger().warning(event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self._logger().error(event, **fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the trace of the exception that is being handled."""
        self._logger().exception(event, **fields)

    def _logger(self) -> Any:
        from payviox import logs  # noqa: PLC0415  # see above

        return logs.event_logger(self._name)
