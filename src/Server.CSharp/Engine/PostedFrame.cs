using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message in one frame that is made for many peers. It lies in memory once, however many it waits for, and counts once in
/// the budget of all connections. Safe from any thread.
/// </summary>
/// <param name="bytes">The frame, which is not copied.</param>
/// <param name="opcode">Text or binary.</param>
/// <param name="size">The size of the message as the application sees it.</param>
/// <param name="budget">Where it counts while it waits: its peers' server's; null for nowhere.</param>
internal sealed class PostedFrame(
    ReadOnlyMemory<byte> bytes,
    Opcode opcode,
    int size,
    BufferBudget? budget
)
{
    /// <summary>What a place in a queue takes, in bytes, with the room into which the queue grows.</summary>
    public const int PlaceCost = 16;

    // This object and its array, without the frame itself, rounded up.
    private const int ObjectCost = 88;

    private int holders;

    /// <summary>The frame.</summary>
    public ReadOnlyMemory<byte> Bytes => bytes;

    /// <summary>Text or binary.</summary>
    public Opcode Opcode => opcode;

    /// <summary>The size of the message as the application sees it.</summary>
    public int Size => size;

    /// <summary>The bytes of memory that it takes while it waits for one peer: a message of a byte takes more than a byte.</summary>
    public int Cost => SharedCost + PlaceCost;

    private int SharedCost => ObjectCost + bytes.Length;

    /// <summary>
    /// True when it would be one message too many beside others: unless it waits for a peer already, and would take a place more
    /// and no memory of its own.
    /// </summary>
    public bool IsTooMuch => budget?.IsExceeded == true && Volatile.Read(ref holders) == 0;

    /// <summary>It waits for one more peer.</summary>
    public void Hold() =>
        budget?.Add(PlaceCost + (Interlocked.Increment(ref holders) == 1 ? SharedCost : 0));

    /// <summary>It waits for one peer less.</summary>
    public void Release() =>
        budget?.Add(-PlaceCost - (Interlocked.Decrement(ref holders) == 0 ? SharedCost : 0));
}
