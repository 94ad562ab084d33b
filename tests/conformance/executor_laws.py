"""The laws of executors, by the name that tests and the scripts in them import."""

from lightfx.testing.executor_laws import *  # noqa: F403
from lightfx.testing.executor_laws import EXECUTOR_LAWS, ExecutorLaw, cause, finish, finish_one, left, told, value

LAWS = EXECUTOR_LAWS
Law = ExecutorLaw

__all__ = ["LAWS", "Law", "cause", "finish", "finish_one", "left", "told", "value"]
