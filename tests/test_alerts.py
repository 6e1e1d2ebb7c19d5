"""Each alert fires where it should and none on a quiet day, as Prometheus evaluates them."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.test_contrib import RULES, rules

# Slow: Prometheus evaluates some hours for each alert.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("promtool") is None, reason="promtool of Prometheus is not installed"
    ),
]

MINUTES: Final = 380  # more than the six hours that one rule looks back
HELD: Final = f"+0x{MINUTES}"
LATE: Final = f"{MINUTES}m"

# Series of a day on which all is well, each with its value at first and what each minute adds.
QUIET: Final[Mapping[str, str]] = {
    "up": "1" + HELD,
    "process_start_time_seconds": "1000" + HELD,
    "spooled_ready": "1" + HELD,
    "spooled_storage_errors_total": "0" + HELD,
    "spooled_disk_free_bytes": "100e9" + HELD,
    "spooled_disk_reserve_bytes": "67e6" + HELD,
    "spooled_backup_age_seconds": "40000" + HELD,
    "spooled_backup_failures_total": "1" + HELD,
    "spooled_archive_lag_seconds": "12" + HELD,
    "spooled_archive_breaks_total": "1" + HELD,
    "spooled_wal_bytes": "4e6" + HELD,
    'spooled_writer_wait_seconds_bucket{le="0.1"}': f"0+600x{MINUTES}",
    'spooled_writer_wait_seconds_bucket{le="1.0"}': f"0+600x{MINUTES}",
    'spooled_writer_wait_seconds_bucket{le="+Inf"}': f"0+600x{MINUTES}",
    "spooled_writer_busy_seconds_total": f"0+6x{MINUTES}",
    "spooled_api_errors_total": "3" + HELD,
    "spooled_repaired_deadlines_total": "0" + HELD,
    "spooled_job_max_age_seconds": "20" + HELD,
    "spooled_jobs_pending": "12" + HELD,
    "spooled_workers_active": "2" + HELD,
    "spooled_jobs_completed_total": f"0+600x{MINUTES}",
    "spooled_jobs_failed_total": f"0+6x{MINUTES}",
    "spooled_jobs_deadlettered_total": f"0+1x{MINUTES}",
    "spooled_webhook_failed_total": "1" + HELD,
}
GROWS: Final = f"0+1x{MINUTES}"

# What differs on the day on which the alert fires.
FIRES: Final[Mapping[str, Mapping[str, str]]] = {
    "SpooledDown": {"up": "0" + HELD},
    "SpooledNotReady": {"spooled_ready": "0" + HELD},
    "SpooledStorageErrors": {"spooled_storage_errors_total": GROWS},
    "SpooledDiskLow": {"spooled_disk_free_bytes": "50e6" + HELD},
    "SpooledDiskFilling": {"spooled_disk_free_bytes": f"100e9-150e6x{MINUTES}"},
    "SpooledBackupOld": {"spooled_backup_age_seconds": "100000" + HELD},
    "SpooledBackupFailed": {"spooled_backup_failures_total": GROWS},
    "SpooledArchiveLate": {"spooled_archive_lag_seconds": "70" + HELD},
    "SpooledArchiveBroke": {"spooled_archive_breaks_total": GROWS},
    "SpooledLogGrows": {"spooled_wal_bytes": "300e6" + HELD},
    "SpooledWriterBehind": {'spooled_writer_wait_seconds_bucket{le="0.1"}': f"0+500x{MINUTES}"},
    "SpooledWriterBusy": {"spooled_writer_busy_seconds_total": f"0+50x{MINUTES}"},
    "SpooledServerErrors": {"spooled_api_errors_total": GROWS},
    "SpooledMissedDeadlines": {"spooled_repaired_deadlines_total": GROWS},
    "SpooledRestarts": {"process_start_time_seconds": f"1000+60x{MINUTES}"},
    "JobQueueBacklog": {"spooled_job_max_age_seconds": "700" + HELD},
    "JobsNotProcessing": {"spooled_workers_active": "0" + HELD},
    "JobsDeadlettered": {"spooled_jobs_deadlettered_total": f"0+12x{MINUTES}"},
    "HighJobFailureRate": {"spooled_jobs_failed_total": f"0+100x{MINUTES}"},
    "SpooledWebhooksGivenUp": {"spooled_webhook_failed_total": GROWS},
}


def series(name: str) -> str:
    """With the labels that a scrape gives to all."""
    plain, _, labels = name.rstrip("}").partition("{")
    told = ", ".join(filter(None, ('job="spooled-lite", instance="here"', labels)))
    return f"{plain}{{{told}}}"


def day(differs: Mapping[str, str], *, firing: set[str]) -> dict[str, Any]:
    """One test of promtool: on a day with these series, exactly these alerts fire at its end."""
    names = [rule["alert"] for rule in rules()]
    return {
        "interval": "1m",
        "input_series": [
            {"series": series(name), "values": values}
            for name, values in {**QUIET, **differs}.items()
        ],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})',
                "eval_time": LATE,
                "exp_samples": [{"labels": "{}", "value": 1}] if name in firing else [],
            }
            for name in names
        ],
    }


def test_each_alert_fires_on_its_day_and_alone(tmp_path: Path) -> None:
    assert set(FIRES) == {rule["alert"] for rule in rules()}
    file = tmp_path / "days.yml"  # JSON is YAML
    days = [day({}, firing=set()), *(day(FIRES[name], firing={name}) for name in FIRES)]
    file.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": days})
    )

    told = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
