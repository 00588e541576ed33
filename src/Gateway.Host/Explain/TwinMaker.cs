using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Explain;
using Gateway.Host.Appliance;
using Gateway.Host.Descriptors;
using Gateway.Host.Runtime;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Explain;

/// <summary>What holds of the box beside its configuration.</summary>
/// <param name="HasHost">A punt device: there is a host behind the gateway's own addresses.</param>
/// <param name="Running">The dataplane that carries packets, when it is about now; null when it is about the past, or no gateway runs.</param>
internal sealed record TwinBox(bool HasHost, IkePorts IkePorts, DataplaneControl? Running)
{
    public static TwinBox Of(ApplianceConfig appliance, DataplaneControl? running) =>
        new(appliance.Dataplane.PuntTap.Length > 0, new IkePorts((ushort)appliance.Ike.Port, (ushort)appliance.Ike.PortNatT), running);
}

/// <summary>Makes a twin of the dataplane as it is, or was, with the planner and the descriptors that program the real one.</summary>
internal static class TwinMaker
{
    /// <summary>SAs that a twin takes at most; those that the flow cannot meet are left out anyway.</summary>
    private const int MostSas = 1024;

    /// <param name="configuration">The items.</param>
    /// <param name="waiting">Items that were not in force, by what is known of them.</param>
    /// <param name="sas">The SAs that were alive.</param>
    /// <param name="blocks">Who had which blocks of outside ports.</param>
    /// <param name="flow">The packet that is to be sent.</param>
    /// <param name="box">Of the gateway.</param>
    /// <param name="notes">Takes what could not be made.</param>
    /// <param name="stop">Ends the work.</param>
    public static async Task<DataplaneTwin> MakeAsync(
        RunningConfiguration configuration, IReadOnlySet<ItemKey> waiting, SaInventory sas, NatBlockBook blocks, ProbeFlow flow, TwinBox box, List<string> notes, CancellationToken stop)
    {
        var twin = new DataplaneTwin(Devices(configuration, waiting, box.Running), box.HasHost, box.IkePorts);
        try
        {
            twin.Dataplane.Security.SetPolicies(SecurityPolicies.Of(configuration));
            twin.Dataplane.Flows.KeepAccount(null, NatLedger.BlocksOf(blocks));
            twin.Dataplane.Flows.SetRules(NatDescriptor.RulesOf(configuration));
            await ProgramAsync(twin, configuration, notes, stop).ConfigureAwait(false);
            foreach (var sa in sas.ChildSas.Values.Select(c => c.Parameters).Where(sa => MayCarry(sa, flow)).OrderByDescending(sa => sa.Id.Value).Take(MostSas).Reverse())
                if (!twin.Install(sa)) notes.Add($"CHILD SA #{sa.Id.Value} of {sa.Connection}/{sa.Child} cannot be carried here.");
            twin.Settle();
            return twin;
        }
        catch
        {
            twin.Dispose();
            throw;
        }
    }

    private static async Task ProgramAsync(DataplaneTwin twin, RunningConfiguration configuration, List<string> notes, CancellationToken stop)
    {
        var byKind = DataplaneDescriptors.Of(twin.Dataplane, twin.Ports).ToDictionary(d => d.Kind, StringComparer.Ordinal);
        var scope = byKind.Keys.SelectMany(configuration.OfKind).Select(i => i.Key);
        var plan = Planner.Plan(configuration, AppliedState.Empty, byKind, scope, _ => null);
        List<PlanStep> later = [.. plan.Steps];
        // What waits for something that comes later in the plan comes with the second round; nothing more comes with a third.
        for (var round = 0; round < 2 && later.Count > 0; round++)
        {
            var steps = later;
            later = [];
            foreach (var step in steps)
            {
                stop.ThrowIfCancellationRequested();
                switch (await TryAsync(byKind[step.Key.Kind], step.To!, stop).ConfigureAwait(false))
                {
                    case StepResult.Pending pending when round == 0:
                        later.Add(step);
                        break;
                    case StepResult.Pending pending:
                        notes.Add($"{step.Key} waits for {pending.WaitsFor}.");
                        break;
                    case StepResult.Failed failed:
                        notes.Add($"{step.Key} is not in force: {failed.Why}");
                        break;
                }
            }
        }

        foreach (var item in plan.Waiting) notes.Add($"{item.Key} waits for {item.WaitsFor}.");
    }

    private static async Task<StepResult> TryAsync(IDescriptor descriptor, Item item, CancellationToken stop)
    {
        try
        {
            return await descriptor.CreateAsync(item, stop).ConfigureAwait(false);
        }
        catch (ArgumentException e)
        {
            return new StepResult.Failed(e.Message);
        }
    }

    /// <summary>Devices by name: as they are now, or, of the past, as if all had been there but those that an item waited for.</summary>
    private static Func<string, DeviceFacts?> Devices(RunningConfiguration configuration, IReadOnlySet<ItemKey> waiting, DataplaneControl? running)
    {
        var devices = new Dictionary<string, DeviceFacts>(StringComparer.Ordinal);
        var there = running?.Interfaces().ToDictionary(i => i.Name, StringComparer.Ordinal);
        foreach (var item in configuration.OfKind(ItemCatalog.Interface))
        {
            var spec = (InterfaceSpec)item.Spec;
            var device = spec.Type == InterfaceType.Memif ? item.Key.Name : spec.Device ?? item.Key.Name;
            if (there is null)
            {
                if (!waiting.Contains(item.Key)) devices[device] = new DeviceFacts(null, spec.Mtu ?? 1500);
            }
            else if (there.TryGetValue(item.Key.Name, out var row))
            {
                devices[device] = new DeviceFacts(row.Mac, row.Mtu, row.Up);
            }
        }

        return name => devices.GetValueOrDefault(name);
    }

    // The packet may be translated on its way, but one of its ends stays what it is.
    private static bool MayCarry(ChildSaParameters sa, ProbeFlow flow) =>
        sa.IfIdOut != 0 || sa.IfIdIn != 0 || Holds(sa.LocalSelectors, flow) || Holds(sa.RemoteSelectors, flow);

    private static bool Holds(Policy.ValueList<TrafficSelector> selectors, ProbeFlow flow)
    {
        foreach (var selector in selectors)
            foreach (var end in (System.Net.IPAddress[])[flow.Source, flow.Destination])
                if (end.AddressFamily == selector.Family && new TrafficSelector(selector.Start, selector.End).Contains(new TrafficSelector(end, end))) return true;
        return false;
    }
}
