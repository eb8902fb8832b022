namespace HandshakeSecurity;

/// <summary>Times of one class of calls, in nanoseconds, from which a share of the slowest is left out.</summary>
internal sealed class Sample(int capacity)
{
    private readonly double[] times = new double[capacity];
    private int count;

    public void Add(double time) => times[count++] = time;

    public (double Mean, double Variance, int Count) Below(double limit)
    {
        var kept = times.AsSpan(0, count).ToArray().Where(time => time <= limit).ToArray();
        var mean = kept.Average();
        var variance = kept.Sum(time => (time - mean) * (time - mean)) / (kept.Length - 1);
        return (mean, variance, kept.Length);
    }

    /// <summary>The time that this share of all calls of both samples doesn't exceed.</summary>
    public static double Quantile(Sample a, Sample b, double share)
    {
        double[] all = [.. a.times.AsSpan(0, a.count), .. b.times.AsSpan(0, b.count)];
        Array.Sort(all);
        return all[(int)(share * (all.Length - 1))];
    }
}

/// <summary>Welch's t-test: how likely it is that two samples have one mean.</summary>
internal static class Welch
{
    /// <summary>The statistic; beyond ±4.5 the means differ.</summary>
    public static double T(Sample a, Sample b, double limit)
    {
        var (meanA, varianceA, countA) = a.Below(limit);
        var (meanB, varianceB, countB) = b.Below(limit);
        return (meanA - meanB) / Math.Sqrt(varianceA / countA + varianceB / countB);
    }
}
