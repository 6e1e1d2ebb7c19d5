"""What a seed is, and what is told of it. Its members are bodies of the API; unknown members are
refused here also where the API ignores them: nobody would look for a misspelt one."""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from spooled_lite.config_values import ApiKey
from spooled_lite.core.jobs.records import NULL
from spooled_lite.testing.faults.rules import RULES_MAX
from spooled_lite.testing.shapes import NowText, SetClock
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import AN_ID, QueueName, SameQueueName
from spooled_lite.wire.shapes.flow_bodies import CreateFlow
from spooled_lite.wire.shapes.job_bodies import CreateJob
from spooled_lite.wire.shapes.keys import A_SECRET, CreateKey
from spooled_lite.wire.shapes.message_bodies import MessageFields
from spooled_lite.wire.shapes.queues import CreateQueue
from spooled_lite.wire.shapes.run_bodies import RunTask
from spooled_lite.wire.shapes.schedule_bodies import CreateSchedule
from spooled_lite.wire.shapes.tasks import CreateTask, TaskName
from spooled_lite.wire.shapes.topics import Bind
from spooled_lite.wire.shapes.webhooks import CreateWebhook
from spooled_lite.wire.shapes.workflow_bodies import CreateWorkflow, StepFields
from spooled_lite.wire.shapes.workflow_extensions import RunFeatures

ROWS_MAX: Final = 10_000  # of a seed, steps of workflows included: one transaction stores them all
SECTION_MAX: Final = 1_000  # of every other section than jobs, messages and runs


def _items(words: str, kind: str, most: int) -> Meta:
    reference = {"$ref": f"#/components/schemas/{kind}"}
    return about(f"{words}, up to {most}", items=reference)


# One line a field, however long.
# ruff: noqa: E501
# fmt: off
_Section = Annotated[list[Raw], Meta(max_length=SECTION_MAX)]
_Rows = Annotated[list[Raw], Meta(max_length=ROWS_MAX)]
_FewRules = Annotated[list[Raw], Meta(max_length=RULES_MAX)]
Queues = Annotated[_Section, _items("Queues", "SeedQueue", SECTION_MAX)]
Keys = Annotated[_Section, _items("API keys, each with a secret of its own if it names one", "SeedKey", SECTION_MAX)]
Schedules = Annotated[_Section, _items("Schedules", "SeedSchedule", SECTION_MAX)]
Webhooks = Annotated[_Section, _items("Outgoing webhooks", "SeedWebhook", SECTION_MAX)]
Tasks = Annotated[_Section, _items("Tasks", "SeedTask", SECTION_MAX)]
Flows = Annotated[_Section, _items("Flows", "SeedFlow", SECTION_MAX)]
Runs = Annotated[_Rows, _items("Runs of tasks", "SeedRun", ROWS_MAX)]
Bindings = Annotated[_Section, _items("Bindings of topics", "SeedBinding", SECTION_MAX)]
Jobs = Annotated[_Rows, _items("Jobs", "SeedJob", ROWS_MAX)]
Messages = Annotated[_Rows, _items("Messages", "SeedMessage", ROWS_MAX)]
Workflows = Annotated[_Section, _items("Workflows", "SeedWorkflow", SECTION_MAX)]
FaultsGiven = Annotated[_FewRules, _items("Faults to make", "NewFault", RULES_MAX)]
KeyGiven = Annotated[ApiKey, about("The key itself; else it is drawn", "sk_test_web_00000000000000")]
StepsGiven = Annotated[list[Raw], about("Its jobs", items={"$ref": "#/components/schemas/SeedStep"})]
IdsByName = Annotated[Mapping[str, str], about("Ids by name", {"charges": AN_ID})]
FlowNames = Annotated[list[str], about("Their names, in the order of the seed", ["order_flow"])]
TaskNames = Annotated[list[str], about("Their names, in the order of the seed", ["charge_card"])]
RowIds = Annotated[list[str], about("Ids, in the order of the seed", [AN_ID])]
FaultIds = Annotated[list[str], about("Ids of the rules, in the order of the seed", ["f1"])]
# fmt: on


class SeedQueue(CreateQueue, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /queues. A queue that exists is changed."""


class SeedKey(CreateKey, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /api-keys, which may say what the key is."""

    key: KeyGiven | None = None


class SeedSchedule(CreateSchedule, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /schedules."""


class SeedWebhook(CreateWebhook, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /outgoing-webhooks."""


class SeedTask(CreateTask, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /tasks. A task that exists is replaced."""


class SeedFlow(CreateFlow, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /flows. A flow that exists is replaced."""


class SeedRun(RunTask, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /tasks/{name}/runs, and its task."""

    task_name: TaskName


class SeedBinding(Bind, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A body of POST /bindings."""


class SeedJob(CreateJob, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /jobs."""


class SeedMessage(MessageFields, kw_only=True, forbid_unknown_fields=True):
    """A message, with the members of a body of POST /queues/{name}/messages, and its queue."""

    queue_name: QueueName | None = None
    queue: SameQueueName | None = None


class SeedStep(StepFields, kw_only=True, forbid_unknown_fields=True):
    """One of the jobs of a body of POST /workflows."""


class SeedWorkflow(RunFeatures, kw_only=True, forbid_unknown_fields=True):
    """A body of POST /workflows, its jobs not decoded yet."""

    name: workflow.NameGiven
    jobs: StepsGiven
    description: Annotated[workflow.Description, Meta(max_length=1_000)] | None = None
    metadata: workflow.Metadata = NULL

    def body(self, steps: list[StepFields]) -> CreateWorkflow:
        said = {name: getattr(self, name) for name in RunFeatures.__struct_fields__}
        return CreateWorkflow(
            name=self.name,
            jobs=steps,
            description=self.description,
            metadata=self.metadata,
            **said,
        )


class SeedBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /test/seed, and what a seed file contains. What it names is stored in this
    order."""

    clock: Annotated[SetClock, about("Where the clock goes before anything is stored")] | None = (
        None
    )
    queues: Queues | None = None
    keys: Keys | None = None
    schedules: Schedules | None = None
    webhooks: Webhooks | None = None
    tasks: Tasks | None = None
    flows: Flows | None = None
    bindings: Bindings | None = None
    jobs: Jobs | None = None
    messages: Messages | None = None
    runs: Runs | None = None
    workflows: Workflows | None = None
    faults: FaultsGiven | None = None


class SeededKey(Struct, frozen=True):
    """A key that was made."""

    id: Annotated[str, about("Its id", AN_ID)]
    key: Annotated[str, about("The key itself, shown only here", A_SECRET)]


class SeededWorkflow(Struct, frozen=True):
    """A workflow that was made."""

    id: Annotated[str, about("Its id", AN_ID)]
    jobs: Annotated[Mapping[str, job.JobId], about("Ids of its jobs by their keys")]


class SeededView(Struct, frozen=True, kw_only=True):
    """Answer of POST /test/seed."""

    now: NowText
    queues: IdsByName
    keys: Annotated[Mapping[str, SeededKey], about("Keys by name")]
    schedules: IdsByName
    webhooks: IdsByName
    tasks: TaskNames
    flows: FlowNames
    bindings: RowIds
    jobs: RowIds
    messages: RowIds
    runs: RowIds
    workflows: Annotated[Mapping[str, SeededWorkflow], about("Workflows by name")]
    faults: FaultIds
    real_ms: Annotated[float, about("How long it took", 3.1)]
