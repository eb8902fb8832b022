using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// The keys with which a client masks its frames: each one is new and can't be foreseen by whoever chooses what is sent (RFC 6455 §5.3,
/// §10.3). Guarded by the write gate.
/// </summary>
internal sealed class MaskingKeys(Scheduler scheduler)
{
    // To ask for random bytes costs more than a small frame: many keys at a time.
    private readonly uint[] keys = new uint[64];
    private int next = 64;

    /// <summary>The key of the next frame.</summary>
    public uint Next()
    {
        if (next == keys.Length)
        {
            scheduler.FillUnpredictably(MemoryMarshal.AsBytes(keys.AsSpan()));
            next = 0;
        }
        var key = keys[next];
        keys[next++] = 0; // no frame to come has one that a dump of memory shows
        return key;
    }
}
