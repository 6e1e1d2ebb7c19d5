"""Every statement that reads what workers of steps and items are given, for a whole claim."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class AroundStepRow(TypedDict):
    """What stands around a step of a workflow with a document."""

    step: int  # the number of its job
    step_key: str
    workflow: int
    workflow_id: str
    document: int
    input_bytes: int | None
    is_signalled: int | None  # None: it waits for no signal and has no items
    signal_bytes: int | None


class DependencyRow(TypedDict):
    """A step that another one of its workflow waited for."""

    step: int  # the one that waited
    parent: int
    step_key: str
    status: str
    state: str | None
    size_bytes: int  # of its own result


class InputRow(TypedDict):
    workflow: int
    body: bytes


class SignalRow(TypedDict):
    job: int
    signal: bytes


class GivenResultRow(TypedDict):
    """A result, and the checksum of one that stands apart from its job."""

    job: int
    result: bytes | None
    checksum: int | None


class OutputSizeRow(TypedDict):
    """How large the output of a step with items is, which is the list of their results."""

    job: int
    items_total: int
    output_bytes: int  # of the results


# Primary keys, workflows.id, workflow_bodies_of_workflow. SQLite knows the length of a blob without
# reading it.
AROUND: Final = Statement(
    AroundStepRow,
    """
SELECT steps.seq AS step, steps.step_key, workflows.seq AS workflow, workflows.id AS workflow_id,
       workflows.document, length(inputs.body) AS input_bytes,
       states.is_signalled, length(states.signal) AS signal_bytes
  FROM json_each(:steps) AS asked
       CROSS JOIN jobs AS steps ON steps.seq = asked.value
       CROSS JOIN workflows ON workflows.id = steps.workflow_id
       LEFT JOIN workflow_bodies AS inputs
              ON inputs.workflow = workflows.seq AND inputs.which = 'input'
       LEFT JOIN step_states AS states ON states.job = steps.seq
 WHERE workflows.document IS NOT NULL
""",
)

INPUTS: Final = Statement(
    InputRow,
    """
SELECT workflow, body
  FROM json_each(:workflows) AS asked
       CROSS JOIN workflow_bodies ON workflow = asked.value AND which = 'input'
""",
)

SIGNALS: Final = Statement(
    SignalRow,
    """
SELECT job, signal
  FROM json_each(:steps) AS asked CROSS JOIN step_states ON job = asked.value
 WHERE signal IS NOT NULL
""",
)

# The primary key of job_dependencies. A parent that was added later need not be a step of this
# workflow.
DEPENDENCIES: Final = Statement(
    DependencyRow,
    """
SELECT edges.job AS step, parents.seq AS parent, parents.step_key, parents.status, parents.state,
       coalesce(parents.result_bytes, length(parents.result), 0) AS size_bytes
  FROM json_each(:steps) AS asked
       CROSS JOIN jobs AS steps ON steps.seq = asked.value
       CROSS JOIN job_dependencies AS edges ON edges.job = steps.seq
       CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.is_link = 0 AND parents.workflow_id = steps.workflow_id
""",
)

RESULTS: Final = Statement(
    GivenResultRow,
    """
SELECT jobs.seq AS job, coalesce(jobs.result, bodies.body) AS result, bodies.checksum
  FROM json_each(:jobs) AS asked
       CROSS JOIN jobs ON jobs.seq = asked.value
       LEFT JOIN job_bodies AS bodies ON bodies.job = jobs.seq AND bodies.which = 'result'
""",
)

# The primary key.
OUTPUTS: Final = Statement(
    OutputSizeRow,
    """
SELECT job, coalesce(items_total, 0) AS items_total, output_bytes
  FROM json_each(:steps) AS asked CROSS JOIN step_states ON job = asked.value
""",
)
