<?php

declare(strict_types=1);

// A server in test mode for this run. With ParaTest each of its processes has one.

// As Composer would load them, so that nothing must be installed but PHPUnit.
spl_autoload_register(static function (string $class): void {
    foreach (['Shop\\Tests\\' => __DIR__, 'Shop\\' => dirname(__DIR__) . '/src'] as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            require $folder . '/' . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
            return;
        }
    }
});

const START_SECONDS_MAX = 60;

$ready = sys_get_temp_dir() . '/spooled-' . bin2hex(random_bytes(8)) . '.json';
$command = ['spooled-lite', 'serve', '--test', '--seed', '1', '--port', '0', '--grpc-port', 'off',
    '--ready-file', $ready, '--exit-with-parent'];
$environ = getenv() + ['SPOOLED_LOG_LEVEL' => 'warning'];
$process = proc_open($command, [['pipe', 'r'], ['file', '/dev/null', 'w'], STDERR], $pipes, null, $environ);
for ($until = microtime(true) + START_SECONDS_MAX; !is_file($ready); usleep(20_000)) {
    if ($process === false || !proc_get_status($process)['running'] || microtime(true) > $until) {
        throw new RuntimeException('spooled-lite has not started');
    }
}
define('READY', json_decode(file_get_contents($ready), true));

// The server stops when its standard input closes: here, or when this process ends in another way.
register_shutdown_function(static function () use ($process, $pipes): void {
    fclose($pipes[0]);
    proc_close($process);
});
