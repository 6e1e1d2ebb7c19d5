"""Every name of the Go library that catbird is, and the rows of the contract that it is about.

Contract: catbird-capabilities, section 23.
"""

from collections.abc import Mapping
from typing import Final

from tests.contract_rows import several

# One line a group of names, however long.
# ruff: noqa: E501
# fmt: off
SYMBOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "CreateQueue GetQueue ListQueues DeleteQueue QueueInfo QueueOpts": (*several("Q", (1, 3)),),
    "Send SendMany SendOpts SendManyOpts": (*several("Q", (4, 9)),),
    "Read ReadPoll ReadPollOpts Message": ("Q10", "Q11", "Q17",),
    "Hide HideMany Delete DeleteMany": (*several("Q", (12, 14)),),
    "Reader ReaderHandler": ("Q15",),
    "Bind BindTask BindFlow Unbind UnbindTask UnbindFlow": (*several("B", (1, 4)), "B10",),
    "Publish PublishMany PublishOpts PublishManyOpts": (*several("B", (5, 9)), "B11",),
    "SendQuery SendManyQuery PublishQuery PublishManyQuery RunTaskQuery RunFlowQuery": ("U6",),
    "NewTask Task.Do CreateTask GetTask ListTasks TaskInfo Task.WithDescription": (*several("T", (1, 3)), *several("T", (7, 9)),),
    "Task.WithCondition": ("T15", "9.1", "9.3",),
    "Task.OnFail TaskFailure": ("T16", *several("T", (21, 26)),),
    "RunTask RunTaskOpts TaskHandle TaskHandle.WaitForOutput WaitOpts": (*several("T", (4, 6)), "T11",),
    "GetTaskRun ListTaskRuns TaskRunInfo IsDone IsCompleted OutputAs": ("T11", "T12", "15.2",),
    "CancelTaskRun Cancel CancelOpts": ("T13", "T14", "F50",),
    "GetTaskRunID GetFlowRunID ErrNoRunContext": ("T18", "F11",),
    "HandlerOpt WithConcurrency WithBatchSize WithTimeout WithMaxRetries WithFullJitterBackoff WithCircuitBreaker": (*several("H", (1, 7)), "H10",),
    "BackoffStrategy FullJitterBackoff CircuitBreaker CircuitBreakerStrategy": ("H2", "H7", "H8", "H11",),
    "NewFlow Flow.AddStep CreateFlow GetFlow ListFlows FlowInfo StepInfo StepDependencyInfo StepType Flow.WithDescription Step.WithDescription": (*several("F", (1, 4)),),
    "Flow.Output Flow.OutputPriority ErrNoOutputCandidate": ("F5", "F16", "F17",),
    "NewStep Step.DependsOn Step.Do Step.IgnoreOutput Optional": ("F4", "F6", "F10", "F11", "F13",),
    "Step.WithCondition": ("F14", "F15", "9.1", "9.3",),
    "Step.WithSignal SignalFlow ErrSignalNotDelivered": (*several("F", (25, 29)),),
    "Step.MapFlowInput Step.MapStepOutput": (*several("F", (30, 37)),),
    "Step.Generate": (*several("F", (38, 41)),),
    "Step.ReduceStep": ("F42", "F43",),
    "RunFlow RunFlowOpts FlowHandle FlowHandle.WaitForOutput": (*several("F", (7, 9)), "F19",),
    "GetFlowRun ListFlowRuns FlowRunInfo GetFlowRunSteps StepRunInfo": ("F20",),
    "GetStep WaitForStep": ("F21", "F22",),
    "CompleteEarly": ("F44", "F45",),
    "CancelFlowRun": (*several("F", (46, 51)),),
    "Flow.OnFail FlowFailure Output FailedStepInputAs FailedStepSignalAs ErrUnknownStepOutput ErrNoFailedStepInput ErrNoFailedStepSignal": (*several("F", (52, 55)),),
    "CreateTaskSchedule CreateFlowSchedule DeleteTaskSchedule DeleteFlowSchedule ListTaskSchedules ListFlowSchedules TaskScheduleInfo FlowScheduleInfo ScheduleOpt WithInput WithSkipCatchUp WithCatchUpAll CatchUpSkip CatchUpOne CatchUpAll": (*several("S", (1, 15)),),
    "GC GCInfo Task.RetentionPeriod Flow.RetentionPeriod PurgeTaskRuns PurgeFlowRuns ClearTaskRuns ClearFlowRuns": (*several("G", (1, 6)),),
    "NewWorker Worker.AddTask AddFlow Start WithLogger WithShutdownTimeout ListWorkers WorkerInfo TaskHandlerInfo StepHandlerInfo": (*several("W", (1, 12)),),
    "NewWire Wire.ID Listen ListenHandler Notify NotifyOpts Presence RenderSSE SSEEvent SSERenderHandler ServeSSE Start Token TokenOpts WithLogger": (*several("R", (1, 10)), "R12",),
    "New Client Conn": (*several("U", (7, 9)),),
    "MigrateUpTo MigrateDownTo MigrationStatus MigrationInfo SchemaVersion": ("U4",),
    "ErrRunFailed ErrRunCanceled ErrRunSkipped ErrRunNotCompleted ErrNotFound ErrNotDefined": ("15.2",),
    "NotifyDurable UnseenNotifications MarkSeen MarkSeenUntil Notification ServePoll Render Fragment GetConn": (*several("N", (1, 7)), "R7", "R11", "T18",),
}
# fmt: on
