"""MLflow: where ``MLFLOW_TRACKING_URI`` leads to, else its database in this folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cifarcnn.runs.folder import REPORT
from cifarcnn.runs.history import EpochRecord
from cifarcnn.runs.manifest import CONFIG
from cifarcnn.training.trackers.tracker import Ending, TrackedRun

_ID = "cifarcnn.id"
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
# MLflow's own limits.
_PARAMS_AT_ONCE = 100
_METRICS_AT_ONCE = 1000
# Unless the user has set them: nothing goes to MLflow's makers, and a server that is
# gone is given up after seconds, not minutes.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class MlflowTracker:
    """Keeps the config as params, the figures as metrics, the page as an artifact."""

    def __init__(self, tracked: TrackedRun) -> None:
        self._tracked = tracked
        self._client: Any = None
        self._run_id = ""

    def open(self, told: int, done: int) -> int:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        client = self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._tracked.experiment
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        mine = f"tags.`{_ID}` = '{self._tracked.id}'"
        runs = client.search_runs([experiment], mine, max_results=1)
        run = runs[0] if runs else self._create(experiment)
        self._run_id = run.info.run_id
        client.update_run(self._run_id, status="RUNNING")
        self._log_params(run.data.params)
        # What it has itself, which no file of ours can know better.
        points = client.get_metric_history(self._run_id, "loss")
        return max((point.step for point in points), default=0)

    def log(self, records: Sequence[EpochRecord]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, record.epoch)
            for record in records
            for name, value in asdict(record).items()
            if name != "epoch" and value is not None
        ]
        for first in range(0, len(metrics), _METRICS_AT_ONCE):
            some = metrics[first : first + _METRICS_AT_ONCE]
            self._client.log_batch(self._run_id, metrics=some)

    def close(self, ending: Ending) -> None:
        # The page of a training that goes on later is of before, if there is one.
        names = (CONFIG,) if ending == "stopped" else (CONFIG, REPORT)
        for path in (self._tracked.path / name for name in names):
            if path.exists():
                self._client.log_artifact(self._run_id, str(path))
        self._client.set_terminated(self._run_id, _STATUS[ending])

    def _create(self, experiment: str) -> Any:
        tracked = self._tracked
        tags = {_ID: tracked.id, "smoke": str(tracked.smoke).lower()}
        if tracked.group:
            tags["group"] = tracked.group
        return self._client.create_run(experiment, tags=tags, run_name=tracked.name)

    def _log_params(self, known: Mapping[str, str]) -> None:
        """Those that are not there: MLflow lets none be changed."""
        from mlflow.entities import Param

        flat = flatten(self._tracked.config)
        params = [Param(name, text) for name, text in flat if name not in known]
        for first in range(0, len(params), _PARAMS_AT_ONCE):
            some = params[first : first + _PARAMS_AT_ONCE]
            self._client.log_batch(self._run_id, params=some)


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The values of a config by dotted key; each item of a list of mappings as JSON."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            yield f"{name}.{place}", json.dumps(item)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)
