<?php

declare(strict_types=1);

namespace Shop;

use RuntimeException;

/** A small shop that leaves its work to Spooled. */
final class Shop
{
    private const WORKER = 'shop';
    private const TRIES_MAX = 3;
    private const REMINDER_SECONDS = 3 * 86_400;

    public function __construct(private readonly Api $api)
    {
    }

    /** Has an order charged. May be repeated: the key makes it one job, however often it is sent. */
    public function checkOut(int $order): array
    {
        $job = [
            'queue_name' => 'charges',
            'payload' => ['order' => $order],
            'max_retries' => 5,
            'idempotency_key' => "order-$order",
        ];
        for ($tries = 1; ; $tries++) {
            try {
                return $this->api->post('/jobs', $job);
            } catch (RuntimeException $error) {
                if ($tries === self::TRIES_MAX) {
                    throw $error;
                }
            }
        }
    }

    /** Reminds a customer in three days. */
    public function signUp(string $email): void
    {
        $this->api->post('/jobs', [
            'queue_name' => 'emails',
            'payload' => ['to' => $email],
            'delay_seconds' => self::REMINDER_SECONDS,
        ]);
    }

    /**
     * Charges what is due now, with a card that throws when it is declined.
     *
     * @param callable(int): void $card
     */
    public function work(callable $card): int
    {
        $claim = ['queue_name' => 'charges', 'worker_id' => self::WORKER, 'limit' => 10];
        $jobs = $this->api->post('/jobs/claim', $claim)['jobs'];
        foreach ($jobs as $job) {
            $order = $job['payload']['order'];
            try {
                $card($order);
            } catch (RuntimeException $declined) {
                $error = ['worker_id' => self::WORKER, 'error' => $declined->getMessage()];
                $this->api->post("/jobs/{$job['id']}/fail", $error);
                continue;
            }
            $result = ['worker_id' => self::WORKER, 'result' => ['order' => $order]];
            $this->api->post("/jobs/{$job['id']}/complete", $result);
        }
        return count($jobs);
    }
}
