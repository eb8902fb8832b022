using System.Globalization;
using System.Text;

namespace FunctionalWs.Testing;

/// <summary>
/// What happened in a run: every decision of the scheduler, every byte, with its time. All times are in milliseconds, what is carried
/// is told frame by frame.
/// </summary>
internal sealed class Trace
{
    private readonly List<Entry> entries = [];

    /// <summary>How many things happened.</summary>
    public int Count => entries.Count;

    public void Add(
        long time,
        string subject,
        string what,
        Amount amount = default,
        byte[]? data = null
    ) => entries.Add(new Entry(time, subject, what, amount, data));

    /// <summary>The bytes that were written to one direction of a connection, those that were lost among them.</summary>
    public byte[] BytesOf(string subject) =>
        [
            .. entries
                .Where(entry => entry.Subject == subject && entry.Data is not null)
                .SelectMany(entry => entry.Data!),
        ];

    /// <summary>Everything as text, a line each; bytes in full.</summary>
    public string ToText() => Text(0, inFull: true);

    /// <summary>The last things that happened, for people.</summary>
    public string Tail(int count) => Text(Math.Max(0, entries.Count - count), inFull: false);

    private string Text(int from, bool inFull)
    {
        var text = new StringBuilder();
        // What a piece holds depends on those before it.
        var streams = new Dictionary<string, CarriedFrames>();
        for (var index = 0; index < entries.Count; index++)
        {
            var entry = entries[index];
            var frames = entry.Data is null ? "" : FramesOf(streams, entry.Subject, entry.Data);
            if (index >= from)
                Write(text, entry, frames, inFull);
        }
        return text.ToString();
    }

    private static string FramesOf(
        Dictionary<string, CarriedFrames> streams,
        string subject,
        byte[] data
    )
    {
        if (!streams.TryGetValue(subject, out var stream))
            streams[subject] = stream = new CarriedFrames();
        return stream.Take(data);
    }

    private static void Write(StringBuilder text, in Entry entry, string frames, bool inFull)
    {
        text.Append(CultureInfo.InvariantCulture, $"{Milliseconds(entry.Time), 13}  ");
        text.Append(CultureInfo.InvariantCulture, $"{entry.Subject}  {entry.What}{entry.Amount}");
        if (entry.Data is { } data)
        {
            text.Append(": ").Append(frames);
            if (inFull)
                text.Append("  ").Append(Convert.ToHexString(data));
        }
        text.Append('\n');
    }

    /// <summary>A time of the simulated clock, or how long something takes.</summary>
    public static string Milliseconds(long ticks) =>
        Invariant($"{(double)ticks / TimeSpan.TicksPerMillisecond:F3} ms");

    private readonly record struct Entry(
        long Time,
        string Subject,
        string What,
        Amount Amount,
        byte[]? Data
    );
}
