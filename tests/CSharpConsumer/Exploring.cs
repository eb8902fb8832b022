using FunctionalWs.Explore;
using FunctionalWs.Protocol;

/// <summary>Bytes explained, states explored, two ends joined: the package for F# people, from C#.</summary>
internal static class Exploring
{
    public static void Explained()
    {
        var bytes = HexDump.Parse("81 85 37fa213d 7f9f4d5158  83 80");
        Explanation explanation = Explain.Bytes(ConnectionSettings.Server, bytes);
        Check.True(!explanation.IsSound && explanation.Lines.Length == 9);
        Check.True(explanation.TryGetViolation(out var violation) && violation.Offset == 11);
        Check.True(explanation.Replay.Steps.Length == 2);
    }

    public static void Explored()
    {
        var settings = Moves.Settings(Role.Server);
        Move wrong = Moves.Frame(Role.Server, "text FF", true, Opcode.Text, [0xFF]);
        ExploredStep step = Explorer.Step(settings, Connection.Start, wrong);
        Check.True(step.Before is State.Open && step.After is State.Draining);
        Check.True(Explorer.Steps(settings, Moves.All(Role.Server)).Length < Explorer.MaxStates);
        var graph = StateGraph.Explore(settings, Moves.All(Role.Server));
        StateEdge edge = graph.Edges[0];
        EdgeGroup group = graph.Groups[0];
        Check.True(edge.From == group.From && group.Edges.Contains(edge));
        Check.True(StateEdge.OfStep(settings, step).Kind == "broken rule");
        Check.True(graph.ToMermaid().StartsWith("stateDiagram-v2"));
        Check.True(graph.ToGraphviz().StartsWith("digraph"));
    }

    public static void Joined()
    {
        var ends = JoinedEnds.Create(ConnectionSettings.Server, ConnectionSettings.Client);
        var ping = Command.NewPing(ControlPayload.Empty);
        Check.True(ends.TryTake(JoinedMove.NewSend(Role.Client, ping, []), out var sent));
        Check.True(sent.Waiting(Role.Server)[0] is InTransit.Bytes { IsCut: false });
        Check.True(sent.TryTake(JoinedMove.NewDeliver(Role.Server, Delivery.Next), out var told));
        JoinedEnd server = told.Server;
        Check.True(server.Told[0].IsPing && told.Settle().Client.State is State.Open);
    }
}
