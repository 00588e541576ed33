using System.Text.Json;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Filter;

/// <summary>Items of ACLs, groups and interfaces on their way into the dataplane.</summary>
public sealed class AclDescriptorTests
{
    private static readonly CancellationToken _never = CancellationToken.None;

    [Fact]
    public async Task Rules_are_there_before_the_interface_that_asks_them_and_end_with_it()
    {
        using var gateway = new TestGateway();
        using var factory = new PortFactory(null);
        var (groups, acls, interfaces) = (new GroupDescriptor(gateway.Control), new AclDescriptor(gateway.Control), new InterfaceDescriptor(gateway.Control, factory));
        var group = Read<GroupSpec>("group", "hosts", """{"addresses":["10.1.0.2"]}""");
        var acl = Read<AclSpec>("acl", "web", """{"rules":[{"name":"all","action":"permit","from":["hosts"]}]}""");
        var plain = Read<InterfaceSpec>("interface", "lo9", """{"type":"loopback"}""");
        var asking = Read<InterfaceSpec>("interface", "lo9", """{"type":"loopback","acl_in":["web"],"acl_out":["web"]}""");
        var desired = new Dictionary<ItemKey, Item>();
        Assert.Equal([group.Key], acls.Dependencies(acl, desired));
        Assert.Equal([acl.Key], interfaces.Dependencies(asking, desired));
        Assert.True(interfaces.CanUpdate(plain.Spec, asking.Spec));

        await groups.CreateAsync(group, _never);
        await acls.CreateAsync(acl, _never);
        Assert.IsType<StepResult.Done>(await interfaces.CreateAsync(asking, _never));
        Assert.Equal(["in lo9", "out lo9"], Assert.Single(gateway.Control.Filtering.Acls()).Interfaces);
        await interfaces.UpdateAsync(asking, plain, _never);
        Assert.Empty(Assert.Single(gateway.Control.Filtering.Acls()).Interfaces);
        await interfaces.UpdateAsync(plain, asking, _never);
        await interfaces.DeleteAsync(asking, _never);
        Assert.Empty(Assert.Single(gateway.Control.Filtering.Acls()).Interfaces);
        await acls.DeleteAsync(acl, _never);
        await groups.DeleteAsync(group, _never);
        Assert.Empty(gateway.Control.Filtering.Acls());
    }

    private static Item Read<T>(string kind, string name, string json)
        where T : ItemSpec => new(new ItemKey(kind, name), JsonSerializer.Deserialize<T>(json, PolicyJson.Options)!);
}
