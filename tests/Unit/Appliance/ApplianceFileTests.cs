using Gateway.Host.Appliance;
using Xunit;

namespace Gateway.Unit.Appliance;

public sealed class ApplianceFileTests : IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("gateway-appliance-").FullName, "appliance.json");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Fact]
    public void Paths_are_relative_to_the_file()
    {
        var config = Load("""{"id":"gw1","journal":{"kind":"sqlite","path":"data/j.db"}}""");
        Assert.Equal(Path.Combine(Path.GetDirectoryName(_path)!, "data/j.db"), config.Journal.Path);
        Assert.True(Path.IsPathRooted(config.Api.Socket));
    }

    [Theory]
    [InlineData("{}", "id")]
    [InlineData("""{"id":"Not Good"}""", "id must be")]
    [InlineData("""{"id":"g","colour":"red"}""", "colour")]
    [InlineData("""{"id":"g","dataplane":{"workers":0}}""", "workers")]
    [InlineData("""{"id":"g","dataplane":{"workers":"two"}}""", "$.dataplane.workers")]
    [InlineData("""{"id":"g","bus":{"kind":"rabbitmq"}}""", "bus.uri")]
    [InlineData("""{"id":"g","api":{"listen":"0.0.0.0:80"}}""", "loopback")]
    [InlineData("""{"id":"g","api":{"tls":{"cert":"c","key":"k","client_ca":"a"}}}""", "api.tls needs api.listen")]
    [InlineData("""{"id":"g","bus":{"kind":"rabbitmq","uri":"amqp://b","tls":{"ca":"ca.pem"}}}""", "amqps")]
    [InlineData("""{"id":"g","bus":{"kind":"rabbitmq","uri":"amqps://b","tls":{"cert":"c.pem"}}}""", "go together")]
    [InlineData("""{"id":"g","bus":{"kind":"rabbitmq","uri":"amqps://b","login":"certificate"}}""", "needs bus.tls.cert")]
    [InlineData("""{"id":"g","limits":{"rate":-1}}""", "limits.rate")]
    [InlineData("""{"id":"g","limits":{"in_flight":0}}""", "limits.in_flight")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"who":[]}]}}""", "rules[0].who")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"who":["onap"]}]}}""", "bus:user:onap")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"who":["*"],"items":["rout"]}]}}""", "rout names no items")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"who":["*"],"limits":{"bytes":1}}]}}""", "rules[0].limits.bytes")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"who":["*"],"may":"all"}]}}""", "may")]
    [InlineData("""{"id":"g","journal":{"kind":"eventstoredb"}}""", "journal.uri")]
    [InlineData("""{"id":"g","journal":{"kind":"eventstoredb","uri":"http://host"}}""", "esdb://")]
    [InlineData("""{"id":"g","journal":{"kind":"eventstoredb","uri":"esdb://host?colour=red"}}""", "colour")]
    [InlineData("""{"id":"g","journal":{"uri":"esdb://host"}}""", "eventstoredb")]
    [InlineData("""{"id":"g","config":{}}""", "config must be")]
    [InlineData("""{"id":"g","id":"h"}""", "id")]
    [InlineData("""{"id":""", "line 1")]
    public void A_mistake_is_named(string json, string says) => Assert.Contains(says, Assert.Throws<ApplianceException>(() => Load(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_named() => Assert.Contains(_path, Assert.Throws<ApplianceException>(() => ApplianceFile.Load(_path)).Message, StringComparison.Ordinal);

    private ApplianceConfig Load(string json)
    {
        File.WriteAllText(_path, json);
        return ApplianceFile.Load(_path);
    }
}
