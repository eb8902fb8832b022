namespace FunctionalWs;

/// <summary>The messages of all connections in one direction: of those that are there, and of those that were.</summary>
internal sealed class FlowTotals
{
    private readonly Lock gate = new();
    private readonly HashSet<MessageFlow> flows = [];
    private FlowCount endedText;
    private FlowCount endedBinary;

    /// <summary>A connection begins to count.</summary>
    public MessageFlow Begin()
    {
        var flow = new MessageFlow();
        using (gate.HoldOfProcess())
            flows.Add(flow);
        return flow;
    }

    /// <summary>A connection has ended. What it counts after that is lost.</summary>
    public void End(MessageFlow? flow)
    {
        if (flow is null)
            return;
        using (gate.HoldOfProcess())
        {
            if (!flows.Remove(flow))
                return;
            endedText += flow.Text;
            endedBinary += flow.Binary;
        }
    }

    /// <summary>What was counted so far; never less than the last time.</summary>
    public (FlowCount Text, FlowCount Binary) Sum()
    {
        using (gate.HoldOfProcess())
        {
            var (text, binary) = (endedText, endedBinary);
            foreach (var flow in flows)
            {
                text += flow.Text;
                binary += flow.Binary;
            }
            return (text, binary);
        }
    }
}
