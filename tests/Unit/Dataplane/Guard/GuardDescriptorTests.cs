using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>Policers, limits per source, MAC ACLs and profiles on their way from items into the dataplane.</summary>
public sealed class GuardDescriptorTests
{
    private static readonly CancellationToken _never = CancellationToken.None;

    [Fact]
    public async Task What_an_interface_asks_is_there_before_it_and_ends_with_it()
    {
        using var gateway = new TestGateway();
        using var factory = new PortFactory(null);
        var control = gateway.Control;
        IDescriptor[] descriptors = [new PolicerDescriptor(control), new SourceLimitDescriptor(control), new MacAclDescriptor(control)];
        var interfaces = new InterfaceDescriptor(control, factory);
        Item[] items =
        [
            Read<PolicerSpec>("policer", "p", """{"rate":"1Mbit/s"}"""),
            Read<SourceLimitSpec>("source-limit", "l", """{"packets_per_second":5}"""),
            Read<MacAclSpec>("mac-acl", "m", """{"rules":[{"action":"permit","from":"02:00:00:00:00:05"}]}"""),
        ];
        var plain = Read<InterfaceSpec>("interface", "v", """{"type":"vlan","parent":"lan","vlan":7}""");
        var asking = Read<InterfaceSpec>("interface", "v", """
            {"type":"vlan","parent":"lan","vlan":7,"policer_in":"p","policer_out":"p","source_limit":"l","mac_acl_in":["m"],"mac_acl_out":["m"],"mac_acl_default":"permit","profile":["default-deny","anti-spoofing"]}
            """);
        Assert.Equal(items.Select(i => i.Key), interfaces.Dependencies(asking, new Dictionary<ItemKey, Item>()).Where(k => k.Kind != ItemCatalog.Interface));
        Assert.True(interfaces.CanUpdate(plain.Spec, asking.Spec));
        foreach (var (descriptor, item) in descriptors.Zip(items)) Assert.IsType<StepResult.Done>(await descriptor.CreateAsync(item, _never));
        Assert.IsType<StepResult.Done>(await interfaces.CreateAsync(asking, _never));
        Assert.Equal("in v, out v; in v; in v, out v", Asked(control));
        Assert.Equal((true, true), Slots(control));
        await interfaces.UpdateAsync(asking, plain, _never);
        Assert.Equal("; ; ", Asked(control));
        Assert.Equal((false, false), Slots(control));
        await interfaces.UpdateAsync(plain, asking, _never);
        Assert.Equal((true, true), Slots(control));
        await interfaces.DeleteAsync(asking, _never);
        Assert.Equal("; ; ", Asked(control));
        foreach (var (descriptor, item) in descriptors.Zip(items)) Assert.IsType<StepResult.Done>(await descriptor.DeleteAsync(item, _never));
        Assert.Empty(control.Guarding.Policers());
        Assert.Empty(control.Guarding.SourceLimits());
        Assert.Empty(control.Guarding.MacAcls());
    }

    private static string Asked(DataplaneControl control) => string.Join(
        "; ", ((IReadOnlyList<string>[])[control.Guarding.Policers().Single().Interfaces, control.Guarding.SourceLimits().Single().Interfaces, control.Guarding.MacAcls().Single().Interfaces]).Select(l => string.Join(", ", l)));

    /// <summary>Whether the interface checks sources by both families and refuses special ones, and whether it denies in both directions.</summary>
    private static unsafe (bool HoldsSources, bool DeniesAll) Slots(DataplaneControl control)
    {
        Assert.True(control.TryFindInterface("v", out var index));
        var entry = control.Tables.Interfaces[index];
        var (flags, sources, denies) = (entry->Flags,
            Gateway.Dataplane.Tables.InterfaceFlags.StrictSource4 | Gateway.Dataplane.Tables.InterfaceFlags.StrictSource6,
            Gateway.Dataplane.Tables.InterfaceFlags.AclIn4 | Gateway.Dataplane.Tables.InterfaceFlags.AclIn6 | Gateway.Dataplane.Tables.InterfaceFlags.AclOut4 | Gateway.Dataplane.Tables.InterfaceFlags.AclOut6);
        return ((flags & sources) == sources && entry->Bogons4 != 0 && entry->Bogons6 != 0, (flags & denies) == denies);
    }

    private static Item Read<T>(string kind, string name, string json)
        where T : ItemSpec => new(new ItemKey(kind, name), JsonSerializer.Deserialize<T>(json, PolicyJson.Options)!);
}
