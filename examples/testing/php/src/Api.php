<?php

declare(strict_types=1);

namespace Shop;

use RuntimeException;

/** Where the shop reaches Spooled. */
class Api
{
    private const SECONDS_MAX = 60;

    public function __construct(public readonly string $url, public readonly string $key)
    {
    }

    /** @param array<string, mixed>|null $body */
    public function post(string $path, ?array $body = null): array
    {
        return $this->call('POST', $path, $body);
    }

    /**
     * @param array<string, mixed>|null $body
     * @throws RuntimeException when the call is refused, or nothing answers
     */
    public function call(string $method, string $path, ?array $body = null): array
    {
        $context = stream_context_create(['http' => [
            'method' => $method,
            'header' => ["Authorization: Bearer $this->key", 'Content-Type: application/json', 'Connection: close'],
            'content' => $body === null ? '' : json_encode((object) $body, JSON_THROW_ON_ERROR),
            'ignore_errors' => true,
            'timeout' => self::SECONDS_MAX,
        ]]);
        $text = @file_get_contents("$this->url/api/v1$path", false, $context);
        if ($text === false) {
            throw new RuntimeException("$method $path: no answer");
        }
        $status = (int) explode(' ', $http_response_header[0])[1];
        if ($status >= 400) {
            throw new RuntimeException("$method $path: $status $text", $status);
        }
        return $text === '' ? [] : json_decode($text, true, flags: JSON_THROW_ON_ERROR);
    }
}
