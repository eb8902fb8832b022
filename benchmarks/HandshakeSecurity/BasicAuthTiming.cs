using System.Diagnostics;
using System.Text;
using FunctionalWs;
using FunctionalWs.Protocol;

namespace HandshakeSecurity;

/// <summary>
/// Compares, class by class, how long Basic authentication takes to refuse. Both classes of a pair send texts of one length,
/// in random order, and each is made several times, so that it lies at several places in memory. A difference would tell a
/// client something about a secret that it doesn't know.
/// </summary>
internal static class BasicAuthTiming
{
    private const double Limit = 4.5;
    private const string Password = "correct horse battery staple";

    // Where an object lies in memory shows in the time of reading it.
    private const int Copies = 64;

    private static readonly Dictionary<string, string> Hundred = Enumerable
        .Range(0, 99)
        .ToDictionary(n => $"user{n}", n => $"password {n}");

    private static readonly Pair[] Pairs =
    [
        new(
            "the same text twice (control)",
            Class(One, "alice", WrongFromStart),
            Class(One, "alice", WrongFromStart)
        ),
        new(
            "password: right but for its end / wrong from its start",
            Class(One, "alice", Password[..^1] + "x"),
            Class(One, "alice", WrongFromStart)
        ),
        new(
            "user: known / unknown",
            Class(One, "alice", WrongFromStart),
            Class(One, "zzzzz", WrongFromStart)
        ),
        new(
            "user, unknown: right but for its end / wrong from its start",
            Class(One, "alicx", Password),
            Class(One, "xlice", Password)
        ),
        new(
            "100 users: the last one / unknown",
            Class(Many, "alice", WrongFromStart),
            Class(Many, "zzzzz", WrongFromStart)
        ),
        new(
            "stored password: 2 / 500 characters",
            Class(() => BasicAuth.Create("alice", "pw"), "alice", "wrong"),
            Class(() => BasicAuth.Create("alice", new string('p', 500)), "alice", "wrong")
        ),
    ];

    private static string WrongFromStart => "x" + Password[1..];

    private static ProcessRequest One() => BasicAuth.Create("alice", Password);

    private static ProcessRequest Many() =>
        BasicAuth.Create(Hundred.Append(KeyValuePair.Create("alice", Password)));

    public static int Run(int calls)
    {
        Console.WriteLine($"{calls:N0} calls a class; |t| < {Limit} is no difference");
        Console.WriteLine(
            $"{"pair", -62} {"mean", 9} {"mean", 9} {"t, all", 8} {"t, 99 %", 8} {"t, 90 %", 8}"
        );
        var failed = Pairs.Count(pair => !IsEqual(pair, calls));
        Console.WriteLine(failed == 0 ? "no difference" : $"{failed} pairs differ");
        return failed == 0 ? 0 : 1;
    }

    private static bool IsEqual(Pair pair, int calls)
    {
        Measure(pair, 20_000); // the just-in-time compiler's part
        var (a, b) = Measure(pair, calls);
        // Interrupts and collections are noise: the statistic is taken without the slowest calls, too.
        double[] limits =
        [
            double.MaxValue,
            Sample.Quantile(a, b, 0.99),
            Sample.Quantile(a, b, 0.9),
        ];
        var statistics = limits.Select(limit => Welch.T(a, b, limit)).ToArray();
        Console.WriteLine(
            $"{pair.Name, -62} {a.Below(limits[1]).Mean, 6:F0} ns {b.Below(limits[1]).Mean, 6:F0} ns {statistics[0], 8:F2} {statistics[1], 8:F2} {statistics[2], 8:F2}"
        );
        return statistics.All(t => Math.Abs(t) < Limit);
    }

    private static (Sample A, Sample B) Measure(Pair pair, int calls)
    {
        var random = new Random(1);
        var (a, b) = (new Sample(calls), new Sample(calls));
        var (leftA, leftB) = (calls, calls);
        while (leftA + leftB > 0)
        {
            var isA = leftB == 0 || leftA > 0 && random.Next(2) == 0;
            var attempt = (isA ? pair.A : pair.B)[random.Next(Copies)];
            var start = Stopwatch.GetTimestamp();
            var response = attempt.Hook(null!, attempt.Request);
            var time = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            if (response?.StatusCode != 401)
                throw new InvalidOperationException($"{pair.Name}: not refused");
            (isA ? a : b).Add(time);
            _ = isA ? leftA-- : leftB--;
        }
        return (a, b);
    }

    private static Attempt[] Class(Func<ProcessRequest> hook, string username, string password) =>
        [.. Enumerable.Range(0, Copies).Select(_ => Make(hook(), username, password))];

    private static Attempt Make(ProcessRequest hook, string username, string password)
    {
        var token = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}"));
        var headers = Headers.Empty.Add("Host", "a").Add("Authorization", $"Basic {token}");
        return new(hook, new Request("GET", "/", "HTTP/1.1", headers));
    }

    private sealed record Pair(string Name, Attempt[] A, Attempt[] B);
}

/// <summary>One request, and the hook that refuses it.</summary>
internal sealed record Attempt(ProcessRequest Hook, Request Request);
