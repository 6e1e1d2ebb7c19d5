<?php

declare(strict_types=1);

namespace Shop;

/** Takes the webhooks of Spooled. A delivery may come twice; an order is shipped once. */
final class Shipping
{
    /** @var list<int> */
    public array $shipped = [];

    /** @var array<string, true> */
    private array $seen = [];

    /** @param array<string, mixed> $body of a call whose signature was good */
    public function take(array $body): void
    {
        if (!isset($this->seen[$body['id']])) {
            $this->seen[$body['id']] = true;
            $this->shipped[] = $body['data']['result']['order'];
        }
    }
}
