<?php

declare(strict_types=1);

namespace Shop\Tests;

use RuntimeException;
use Shop\Shipping;
use Shop\Shop;

final class ShopTest extends SpooledTestCase
{
    public function testACustomerIsRemindedAfterThreeDays(): void
    {
        (new Shop($this->api))->signUp('ada@example.com');

        $this->advance('71h');
        $this->assertInWorld(['queue' => 'emails', 'status' => 'scheduled', 'count' => 1]);
        $this->advance('1h');
        $reminder = ['queue' => 'emails', 'payload' => ['to' => 'ada@example.com']];
        $this->assertInWorld($reminder + ['status' => 'pending', 'count' => 1]);
    }

    public function testADeclinedCardIsTriedForAWeekAtExactHours(): void
    {
        $this->api->call('PUT', '/queues/charges/config', [
            'backoff_base_seconds' => 3600, 'backoff_multiplier' => 4, 'backoff_max_seconds' => 400_000,
        ]);
        (new Shop($this->api))->checkOut(1);

        $drained = $this->api->post('/test/drain', [
            'queue' => 'charges',
            'outcomes' => [['fail' => 5, 'error' => 'declined', 'then' => 'complete']],
        ]);

        $times = array_map('strtotime', array_column($drained['jobs'][0]['attempts'], 'at'));
        $hours = array_map(static fn (int $at): int => (int) round(($at - $times[0]) / 3600), $times);
        self::assertSame([0, 1, 5, 21, 85, 196], $hours);
    }

    public function testAReportIsMadeEachNightAlsoInTheOneWithoutHalfPastTwo(): void
    {
        $this->beginAt('2030-03-08T12:00:00Z');
        $this->api->post('/schedules', [
            'name' => 'nightly', 'cron_expression' => '30 2 * * *', 'timezone' => 'America/New_York',
            'queue_name' => 'reports', 'payload_template' => ['kind' => 'nightly'],
        ]);

        $happened = $this->advance('3d');

        $fired = array_filter($happened, static fn (array $each): bool => $each['what'] === 'schedule.triggered');
        $nights = ['2030-03-09T07:30:00.000Z', '2030-03-10T07:00:00.000Z', '2030-03-11T06:30:00.000Z'];
        self::assertSame($nights, array_column($fired, 'at'));
    }

    public function testAnOrderIsChargedOnceWhenItsAnswerIsLost(): void
    {
        $this->fault('POST /api/v1/jobs', ['drop' => 'after_commit']);

        $job = (new Shop($this->api))->checkOut(7);

        self::assertFalse($job['created']); // the first try was stored, and the second one found it
        $this->api->post('/test/drain', ['queue' => 'charges']);
        $this->assertInWorld(
            ['queue' => 'charges', 'status' => 'completed', 'count' => 1],
            ['queue' => 'charges', 'count' => 1],
        );
    }

    public function testAnOrderIsChargedOnceWhenTheAcknowledgementIsLost(): void
    {
        $shop = new Shop($this->api);
        $shop->checkOut(8);
        $this->fault('POST /api/v1/jobs/{id}/complete', ['drop' => 'after_commit']);
        $charged = [];
        $card = static function (int $order) use (&$charged): void {
            $charged[] = $order;
        };

        try {
            $shop->work($card);
            self::fail('nobody noticed that the acknowledgement was lost');
        } catch (RuntimeException $error) {
            self::assertStringContainsString('no answer', $error->getMessage());
        }
        $this->advance('1h'); // the lease would be over long ago
        self::assertSame(0, $shop->work($card));

        self::assertSame([8], $charged);
    }

    public function testAnOrderIsShippedOnceWhenAWebhookComesTwice(): void
    {
        $hook = $this->api->post('/outgoing-webhooks', [
            'name' => 'shop', 'url' => 'https://inbox.test/shop', 'events' => ['job.completed'],
            'secret' => 'whsec_of_the_shop',
        ]);
        $shop = new Shop($this->api);
        $shop->checkOut(9);
        $shop->work(static fn () => null);
        [$call] = $this->api->call('GET', '/test/inbox/webhooks')['webhooks'];
        $this->api->post("/outgoing-webhooks/{$hook['id']}/retry/{$call['delivery_id']}");

        $calls = $this->api->call('GET', '/test/inbox/webhooks')['webhooks'];
        $shipping = new Shipping();
        array_map($shipping->take(...), array_column($calls, 'body'));

        self::assertSame(['good', 'good'], array_column($calls, 'signature'));
        self::assertSame([9], $shipping->shipped);
    }
}
