"""How a command logs: to stderr, as the processes do. Most commands log nothing, so what formats a
line is imported at the first one."""

import logging
import os


class FirstRecord(logging.Handler):
    """Sets the log up, which puts another handler in this one's place, and passes the record on."""

    def emit(self, record: logging.LogRecord) -> None:
        from payviox import logs, settings  # noqa: PLC0415  # see above

        logs.configure(settings.log_level())
        if logging.getLogger(record.name).isEnabledFor(record.levelno):
            logging.getLogger().handle(record)


def begin() -> None:
    """Let nothing of logging reach stdout, whoever logs."""
    root = logging.getLogger()
    root.handlers = [FirstRecord()]
    debugging = os.environ.get("PAYVIOX_LOG_LEVEL", "").lower() == "debug"
    root.setLevel(logging.DEBUG if debugging else logging.INFO)
