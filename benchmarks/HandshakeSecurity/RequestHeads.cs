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
    private const int Rounds = 2_000;

    private static readonly (string Name, Func<int, string> Lines)[] Attacks =
    [
        ("many short headers", size => Repeat("A: b\r\n", size)),
        (
            "many different headers",
            size => string.Concat(Enumerable.Range(0, size / 12).Select(n => $"N{n, -8:D5}:\r\n"))
        ),
        ("one long value", size => "A: " + new string('x', size) + "\r\n"),
        ("commas in Connection", size => "Connection: " + new string(',', size) + "\r\n"),
        ("tokens in Connection", size => "Connection: " + Repeat("a,", size) + "\r\n"),
        ("lines of Connection", size => Repeat("Connection: a,b,c,d,e,f,g,h,i,j,k,l\r\n", size)),
        (
            "blanks in Upgrade",
            size => "Connection: upgrade\r\nUpgrade: " + new string(' ', size) + "x\r\n"
        ),
        (
            "escapes in Sec-WebSocket-Extensions",
            size => "Sec-WebSocket-Extensions: a; b=\"" + Repeat("\\c", size) + "\r\n"
        ),
        (
            "semicolons in Sec-WebSocket-Protocol",
            size => "Sec-WebSocket-Protocol: " + new string(';', size) + "\r\n"
        ),
        ("a long Host", size => "Host: " + new string('a', size) + "\r\n"),
    ];

    public static void Run()
    {
        Console.WriteLine(
            $"{"head", -40} {"16 KiB", 10} {"32 KiB", 10} {"ratio", 6} {"64 KiB", 10} {"ratio", 6}"
        );
        foreach (var (name, lines) in Attacks)
        {
            var times = new[] { 16, 32, 64 }
                .Select(kib => Measure(Head(lines, kib * 1024)))
                .ToArray();
            Console.WriteLine(
                $"{name, -40} {times[0], 7:F1} µs {times[1], 7:F1} µs {times[1] / times[0], 6:F2} {times[2], 7:F1} µs {times[2] / times[1], 6:F2}"
            );
        }
    }

    private static byte[] Head(Func<int, string> lines, int size) =>
        Encoding.Latin1.GetBytes(
            "GET / HTTP/1.1\r\nHost: a\r\n"
                + lines(size - 200)
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );

    /// <summary>The median time, in microseconds. All limits are lifted: they would end the matter early.</summary>
    private static double Measure(byte[] head)
    {
        var limits = RequestHeadLimits.Create(1 << 20, 1 << 20, 1 << 20, 1 << 20);
        var buffer = new ReadOnlySequence<byte>(head);
        var times = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            if (Http.ReadRequest(limits, buffer) is RequestParse.Complete complete)
                Handshake.Respond(
                    HandshakePolicy.Default,
                    DateTimeOffset.UnixEpoch,
                    complete.Request
                );
            times[round] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }
        Array.Sort(times);
        return times[Rounds / 2];
    }

    private static string Repeat(string text, int size) =>
        new StringBuilder().Insert(0, text, size / text.Length).ToString();
}
