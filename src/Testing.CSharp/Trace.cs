using System.Globalization;
using System.Text;

namespace FunctionalWs.Testing;

/// <summary>What happened in a run: every decision of the scheduler, every byte, with its time.</summary>
internal sealed class Trace
{
    private const int MaxQuoted = 32;

    private readonly List<Entry> entries = [];

    /// <summary>How many things happened.</summary>
    public int Count => entries.Count;

    public void Add(long time, string subject, string what, long value, byte[]? data = null) =>
        entries.Add(new Entry(time, subject, what, value, data));

    /// <summary>The bytes that were written to one direction of a connection, those that were lost among them.</summary>
    public byte[] BytesOf(string subject) =>
        [
            .. entries
                .Where(entry => entry.Subject == subject && entry.Data is not null)
                .SelectMany(entry => entry.Data!),
        ];

    /// <summary>Everything from an entry on as text, a line each; bytes in full.</summary>
    public string ToText(int from = 0)
    {
        var text = new StringBuilder();
        foreach (var entry in entries.Skip(from))
            Write(text, entry, int.MaxValue);
        return text.ToString();
    }

    /// <summary>The last things that happened, for people.</summary>
    public string Tail(int count)
    {
        var text = new StringBuilder();
        foreach (var entry in entries.Skip(Math.Max(0, entries.Count - count)))
            Write(text, entry, MaxQuoted);
        return text.ToString();
    }

    private static void Write(StringBuilder text, Entry entry, int maxQuoted)
    {
        var time = (double)entry.Time / TimeSpan.TicksPerMillisecond;
        text.Append(
            CultureInfo.InvariantCulture,
            $"{time, 10:F3} ms  {entry.Subject}  {entry.What}"
        );
        text.Append(CultureInfo.InvariantCulture, $" {entry.Value}");
        if (entry.Data is { } data)
        {
            var quoted = data.AsSpan(0, Math.Min(data.Length, maxQuoted));
            text.Append("  ").Append(Convert.ToHexString(quoted));
            text.Append(data.Length > maxQuoted ? "…" : "");
        }
        text.Append('\n');
    }

    private readonly record struct Entry(
        long Time,
        string Subject,
        string What,
        long Value,
        byte[]? Data
    );
}
