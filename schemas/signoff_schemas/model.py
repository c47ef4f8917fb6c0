"""The base of every record that crosses the log."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record. Readers ignore fields they do not know: newer writers may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")
