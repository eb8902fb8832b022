namespace FunctionalWs.Testing;

/// <summary>Copies of conditions with one value changed, for the F# face, which has no <c>with</c> for records of C#.</summary>
internal static class NetworkConditionsCopy
{
    public static NetworkConditions Faults(
        NetworkConditions conditions,
        IReadOnlyList<Fault> value
    ) => conditions with { Faults = value };

    public static NetworkConditions MaxDelay(NetworkConditions conditions, TimeSpan value) =>
        conditions with
        {
            MaxDelay = value,
        };

    public static NetworkConditions MaxPieceSize(NetworkConditions conditions, int value) =>
        conditions with
        {
            MaxPieceSize = value,
        };
}
