using System.Globalization;

namespace EndToEnd;

/// <summary>One scenario on all servers, in turns.</summary>
internal static class Comparison
{
    public static string Run(Scenario scenario, string other, TimeSpan time, int rounds)
    {
        var servers = new[] { "ours", other }
            .Select(name => ServerProcess.Start(name, scenario.Deflate))
            .ToArray();
        try
        {
            foreach (var server in servers)
                server.Measure(scenario, time); // until the JIT has settled
            var samples = new List<Sample[]>();
            for (var round = 0; round < rounds; round++)
                samples.Add([.. servers.Select(server => server.Measure(scenario, time))]);
            return Format(scenario, samples);
        }
        finally
        {
            foreach (var server in servers)
                server.Dispose();
        }
    }

    private static string Format(Scenario scenario, List<Sample[]> samples)
    {
        double MedianOf(Func<Sample[], double> value)
        {
            var sorted = samples.Select(value).Order().ToArray();
            return sorted[sorted.Length / 2];
        }

        var ours = (Rate: MedianOf(s => s[0].Rate), PerCpu: MedianOf(s => s[0].PerCpu));
        var theirs = (Rate: MedianOf(s => s[1].Rate), PerCpu: MedianOf(s => s[1].PerCpu));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{scenario.Name, -8} {ours.Rate, 10:N0} {theirs.Rate, 10:N0} {ours.Rate / theirs.Rate, 6:F2}   {ours.PerCpu, 11:N0} {theirs.PerCpu, 13:N0} {ours.PerCpu / theirs.PerCpu, 6:F2}{Wire(samples[^1])}"
        );
    }

    /// <summary>The bytes that a reply took, where that depends on the server.</summary>
    private static string Wire(Sample[] samples) =>
        samples[0].ReplySize == 0
            ? ""
            : $"   {samples[0].ReplySize, 4:N0} and {samples[1].ReplySize, 4:N0} bytes a reply";
}
