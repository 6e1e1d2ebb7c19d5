// The official Go client's gRPC side against a running server: every call and both streams.
// Prints what it saw as JSON; whoever runs it compares.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	client "github.com/spooled-cloud/spooled-sdk-go/spooled/grpc"
	"github.com/spooled-cloud/spooled-sdk-go/spooled/grpc/pb"
	"google.golang.org/grpc/status"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// code is the status of an error, by its number.
func code(err error) int { return int(status.Code(err)) }

func main() {
	address, key, queue := os.Args[1], os.Args[2], os.Args[3]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	it, err := client.NewClient(client.ClientOptions{Address: address, APIKey: key})
	check(err)
	defer it.Close()
	saw := map[string]any{}

	stored, err := it.Enqueue(ctx, &client.EnqueueRequest{
		QueueName: queue, Payload: map[string]any{"n": 1.0, "deep": map[string]any{"list": []any{"a", nil}}},
		Priority: 3, IdempotencyKey: queue,
	})
	check(err)
	again, err := it.Enqueue(ctx, &client.EnqueueRequest{QueueName: queue, IdempotencyKey: queue})
	check(err)
	saw["created"] = []bool{stored.Created, again.Created}
	saw["same"] = stored.JobID == again.JobID

	taken, err := it.Dequeue(ctx, &client.DequeueRequest{QueueName: queue, WorkerID: "go-1", BatchSize: 5})
	check(err)
	job := taken.Jobs[0]
	saw["payload"], saw["priority"] = job.Payload, job.Priority
	renewed, err := it.RenewLease(ctx, &client.RenewLeaseRequest{JobID: job.ID, WorkerID: "go-1"})
	check(err)
	saw["renewed"] = renewed.Success && renewed.NewExpiresAt != nil
	check(it.Complete(ctx, &client.CompleteRequest{
		JobID: job.ID, WorkerID: "go-1", Result: map[string]any{"ok": true},
	}))
	saw["twice"] = code(it.Complete(ctx, &client.CompleteRequest{JobID: job.ID, WorkerID: "go-1"}))
	saw["unknown"] = code(it.Complete(ctx, &client.CompleteRequest{JobID: "unknown"}))
	shown, err := it.GetJob(ctx, "unknown")
	check(err)
	saw["no_job"] = shown == nil
	stats, err := it.GetQueueStats(ctx, queue)
	check(err)
	saw["completed"] = stats.Completed

	worker, err := it.RegisterWorker(ctx, &client.RegisterWorkerRequest{QueueName: queue, Hostname: "host"})
	check(err)
	check(it.WorkerHeartbeat(ctx, &client.WorkerHeartbeatRequest{WorkerID: worker.WorkerID}))
	check(it.DeregisterWorker(ctx, worker.WorkerID))
	saw["lease"] = worker.LeaseDurationSec

	stream, err := it.StreamJobs(ctx, queue, "go-2")
	check(err)
	for range 2 {
		_, err = it.Enqueue(ctx, &client.EnqueueRequest{QueueName: queue})
		check(err)
	}
	streamed := []string{}
	for range 2 {
		next, err := stream.Recv()
		check(err)
		streamed = append(streamed, next.Id)
		check(it.Complete(ctx, &client.CompleteRequest{JobID: next.Id, WorkerID: "go-2"}))
	}
	saw["streamed"] = len(streamed) == 2 && streamed[0] != streamed[1]

	talk, err := it.ProcessJobs(ctx)
	check(err)
	// The stream of jobs still waits in its line, and is older: the talk has a queue of its own.
	other := queue + "-talk"
	check(talk.Send(&pb.ProcessRequest{Request: &pb.ProcessRequest_Dequeue{
		Dequeue: &pb.DequeueRequest{QueueName: other, WorkerId: "go-3"},
	}}))
	_, err = it.Enqueue(ctx, &client.EnqueueRequest{QueueName: other})
	check(err)
	answer, err := talk.Recv()
	check(err)
	check(talk.Send(&pb.ProcessRequest{Request: &pb.ProcessRequest_Complete{
		Complete: &pb.CompleteRequest{JobId: answer.GetJob().GetId(), WorkerId: "go-3"},
	}}))
	check(talk.Send(&pb.ProcessRequest{}))
	answer, err = talk.Recv()
	check(err)
	saw["talked"] = answer.GetComplete().GetSuccess()
	answer, err = talk.Recv()
	check(err)
	saw["error"] = answer.GetError().GetCode()
	check(talk.CloseSend())

	stranger, err := client.NewClient(client.ClientOptions{Address: address, APIKey: "sk_test_nobody"})
	check(err)
	_, err = stranger.GetQueueStats(ctx, queue)
	saw["stranger"] = code(err)
	check(json.NewEncoder(os.Stdout).Encode(saw))
}
