namespace FunctionalWs.Hosting;

/// <summary>A service of hosts whose servers listen nowhere.</summary>
internal sealed class InMemoryServing;
