using System.Buffers;
using System.Diagnostics;
using System.Text;
using FunctionalWs.Protocol;

namespace HandshakeSecurity;

/// <summary>
/// Parses and judges requests that are made to be slow, of one size and of twice that size: the time must not grow faster
/// than the size.
/// </summary>
internal static class RequestHeads
{
    private const int Rounds = 500;
    private const int Line = 8_000;

    private const string Start =
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

    // A line, which is repeated until the head has its size.
    private static readonly (string Name, string Line)[] Attacks =
    [
        ("long values", "A: " + new string('x', Line)),
        ("short lines", "A: " + new string('x', 560)),
        ("commas in Connection", "Connection: a" + new string(',', Line)),
        ("tokens in Connection", "Connection: " + Repeat("a,", Line)),
        ("tokens in short lines of Connection", "Connection: " + Repeat("a,", 560)),
        ("tokens in Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: " + Repeat("a,", Line)),
        ("blanks in Connection", "Connection: a" + new string(' ', Line) + ",b"),
        ("long tokens in Connection", "Connection: " + new string('a', Line)),
        (
            "escapes in Sec-WebSocket-Extensions",
            "Sec-WebSocket-Extensions: a; b=\"" + Repeat("\\c", Line)
        ),
    ];

    public static void Run()
    {
        Console.WriteLine(
            $"{"head", -40} {"16 KiB", 10} {"32 KiB", 10} {"ratio", 6} {"64 KiB", 10} {"ratio", 6}"
        );
        foreach (var (name, line) in Attacks)
        {
            var times = new[] { 16, 32, 64 }
                .Select(kib => Measure(Head(line + "\r\n", kib * 1024)))
                .ToArray();
            Console.WriteLine(
                $"{name, -40} {times[0], 7:F1} µs {times[1], 7:F1} µs {times[1] / times[0], 6:F2} {times[2], 7:F1} µs {times[2] / times[1], 6:F2}"
            );
        }
    }

    private static byte[] Head(string line, int size) =>
        Encoding.Latin1.GetBytes(Start + Repeat(line, size - Start.Length - 2) + "\r\n");

    /// <summary>The median time of parsing and judging, in microseconds, within the default limits.</summary>
    private static double Measure(byte[] head)
    {
        var buffer = new ReadOnlySequence<byte>(head);
        var times = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            if (
                new RequestReader(HeadLimits.Default).Read(buffer)
                is not RequestParse.Complete complete
            )
                throw new InvalidOperationException("The head is beyond the limits.");
            Handshake.Respond(HandshakePolicy.Default, DateTimeOffset.UnixEpoch, complete.Request);
            times[round] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }
        Array.Sort(times);
        return times[Rounds / 2];
    }

    private static string Repeat(string text, int size) =>
        new StringBuilder().Insert(0, text, size / text.Length).ToString();
}
