"""The determinants inside Spark, for a utility that outgrew one machine: `currant[spark]`.

The same functions run on the batches of each partition (`mapInArrow`); what they sum to is put
together here. The result is that of this process to the Wh and the watt.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

import pyarrow as pa

from currant.determinants.folder import days_of, terms_in
from currant.determinants.layouts import Terms
from currant.determinants.summing import Summing, combine, settle
from currant.errors import Refusal

JAVA = 17  # what Spark 4 runs on, at least
_VERSION = re.compile(r'version "(\d+)')
_PART = "part binary"
_SETTINGS = {
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
}
_AT_HOME = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


class SparkMissing(Refusal):
    """Spark cannot run here. Nothing was determined."""


def why_not() -> str | None:
    """Say in one sentence why Spark cannot run here; None where it can."""
    if (reason := why_no_java()) is not None:
        return reason
    if find_spec("pyspark") is None:
        return "Spark is not installed: pip install 'currant[spark]'."
    return None


def why_no_java() -> str | None:
    """Say in one sentence why there is no Java here that Spark runs on; None where there is."""
    home = environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        return f"Spark needs Java {JAVA}, and no java was found."
    told = subprocess.run(  # noqa: S603  # found on the path, or where JAVA_HOME says
        [java, "-version"], capture_output=True, text=True, check=False
    ).stderr
    version = _VERSION.search(told)
    if version is None or int(version[1]) < JAVA:
        found = version[1] if version else "another"
        return f"Spark needs Java {JAVA}, and {java} is version {found}."
    return None


def determine_in_spark(folder: Path, master: str) -> Any:
    """Determine a folder of intervals on a Spark master such as `local[2]`.

    Answers `layouts.DETERMINANTS`. Raises `SparkMissing`, `NotAFolderOfIntervals`, and as
    `determine` does.
    """
    if (reason := why_not()) is not None:
        raise SparkMissing(reason, field="engine")
    from pyspark.sql import SparkSession  # noqa: PLC0415  # an extra, which need not be there

    terms = terms_in(folder)
    builder = SparkSession.builder.master(master).appName("currant determinants")
    for name, value in {**_SETTINGS, **(_AT_HOME if master.startswith("local") else {})}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        if "PYSPARK_PYTHON" not in environ:
            spark.sparkContext.pythonExec = sys.executable
        shared = spark.sparkContext.broadcast(terms)
        days = spark.read.parquet(str(days_of(folder)))
        whole = days.repartition("item").sortWithinPartitions("item", "day")
        parts = whole.mapInArrow(partial(_sum_partition, shared), _PART).collect()
    finally:
        spark.stop()
    return settle(combine(_unpacked(part["part"]) for part in parts), terms)


def _sum_partition(shared: Any, batches: Iterable[Any]) -> Iterator[Any]:
    """Sum the register-days of a partition, and answer the sums as one stream of Arrow's IPC."""
    terms: Terms = shared.value
    summing = Summing(terms)
    for batch in batches:
        summing.add(batch)
    sums = summing.end()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sums.schema) as stream:
        stream.write_table(sums)
    yield pa.RecordBatch.from_pydict({"part": [sink.getvalue().to_pybytes()]})


def _unpacked(part: bytes) -> Any:
    """Read the sums of a partition."""
    with pa.ipc.open_stream(bytes(part)) as stream:
        return stream.read_all()
