using Xunit;

namespace Gateway.Interop.Net;

public sealed class NamespacesTests
{
    [Fact]
    public void Two_namespaces_reach_each_other_and_are_gone_afterwards()
    {
        string[] names;
        using (Namespaces net = new())
        {
            Netns left = net.Add("left"), right = net.Add("right");
            net.Link(left, "eth0", right, "eth0");
            left.Address("eth0", "10.0.0.1/24");
            right.Address("eth0", "10.0.0.2/24");
            left.Must("ping -c1 -W2 10.0.0.2");
            left.Start("sleep 1000");
            Assert.Contains("eth0:", left.Run(() => File.ReadAllText("/proc/thread-self/net/dev")), StringComparison.Ordinal);
            names = [.. net.Members.Select(m => m.Name)];
        }

        Assert.All(names, n => Assert.False(File.Exists("/run/netns/" + n)));
    }
}
