<?php

declare(strict_types=1);

namespace Shop\Tests;

use PHPUnit\Framework\TestCase;
use Shop\Api;

/** Has a world of its own in each test: rows, a clock and a key. */
abstract class SpooledTestCase extends TestCase
{
    protected Api $api;
    private string $world;

    protected function setUp(): void
    {
        $this->enterWorld();
    }

    protected function tearDown(): void
    {
        $this->api->call('DELETE', '/test/forks/' . rawurlencode($this->world));
    }

    /** Begins at another time: call it first in a test. */
    protected function beginAt(string $time): void
    {
        $this->tearDown();
        $this->enterWorld(['at' => $time]);
    }

    /** Lets time pass, such as "7d"; returns what happened, when everything that was due is done. */
    protected function advance(string $by): array
    {
        return $this->api->post('/test/clock/advance', ['by' => $by])['happened'];
    }

    /** Makes something go wrong the next time. */
    protected function fault(string $route, array $do): void
    {
        $this->api->post('/test/faults', ['on' => ['route' => $route], 'do' => $do, 'times' => 1]);
    }

    protected function assertInWorld(array ...$expected): void
    {
        $found = $this->api->post('/test/expect', ['expect' => $expected]);
        self::assertTrue($found['passed'], json_encode($found['results'], JSON_PRETTY_PRINT));
    }

    private function enterWorld(array $options = []): void
    {
        // PHPUnit 9 has another name for it.
        $name = method_exists($this, 'nameWithDataSet') ? $this->nameWithDataSet() : $this->getName();
        $this->world = static::class . '::' . $name;
        $root = new Api(READY['url'], READY['api_key']);
        $fork = $root->post('/test/fork', ['name' => $this->world] + $options);
        $this->api = new Api(READY['url'], $fork['api_key']);
    }
}
