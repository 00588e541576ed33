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
    [InlineData("""{"id":"g","dataplane":{"workers":64}}""", "dataplane.workers must be 1–63")]
    [InlineData("""{"id":"g","dataplane":{"workers":2,"cores":[1]}}""", "a processor for every worker")]
    [InlineData("""{"id":"g","dataplane":{"workers":1,"cores":[0,1]}}""", "a processor for every worker")]
    [InlineData("""{"id":"g","dataplane":{"cores":[1,1]}}""", "a processor twice")]
    [InlineData("""{"id":"g","dataplane":{"cores":[0,-1]}}""", "processor numbers")]
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
    [InlineData("{\"id\":\"g\",\n\"log\":{\n\"level\":\"loud\"}}", "line 3, at $.log.level: There is no loud here; there are debug, information, warning, error.")]
    [InlineData("""{"id":"g","journal":null}""", "$.journal: null is not allowed here.")]
    [InlineData("""{"id":"g","journal":{"kind":1}}""", "$.journal.kind: Expected a word.")]
    [InlineData("""{"id":"g","journal":{"path":7}}""", "$.journal.path: Expected a string.")]
    [InlineData("""{"id":"g","dataplane":{"workers":1.5}}""", "$.dataplane.workers: Expected a whole number.")]
    [InlineData("""{"id":"g","dataplane":{"cores":[0,"1"]}}""", "$.dataplane.cores[1]: Expected a whole number.")]
    [InlineData("""{"id":"g","dataplane":{"hugepages":"yes"}}""", "$.dataplane.hugepages: Expected true or false.")]
    [InlineData("""{"id":"g","ike":{"keep_alive":"20"}}""", "$.ike.keep_alive: Expected a number.")]
    [InlineData("""{"id":"g","log":{"areas":{"ike":"debug","ike":"error"}}}""", "$.log.areas.ike: ike stands here twice.")]
    [InlineData("""{"id":"g","authorization":{"rules":[{"read":true}]}}""", "$.authorization.rules[0]: who is missing.")]
    [InlineData("""{"id":"g","folder":"/"}""", "There is no setting folder here.")]
    [InlineData("""{"id":"g\ud800"}""", "well-formed")]
    [InlineData("[]", "Expected an object.")]
    [InlineData("null", "Expected an object.")]
    [InlineData("""{"id":"g"} {}""", "line 1")]
    public void A_mistake_is_named(string json, string says) => Assert.Contains(says, Assert.Throws<ApplianceException>(() => Load(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Comments_and_trailing_commas_are_allowed_and_null_where_nothing_is_the_default()
    {
        var config = Load("""
            {
              // the branch office
              "id": "g", "authorization": null, "bus": { "uri": null, },
              "config": [ /* none yet */ ],
            }
            """);
        Assert.Equal(("g", "var/journal.db", 0), (config.Id, Path.GetRelativePath(Path.GetDirectoryName(_path)!, config.Journal.Path), config.Config!.Value.GetArrayLength()));
    }

    [Fact]
    public void A_missing_file_is_named() => Assert.Contains(_path, Assert.Throws<ApplianceException>(() => ApplianceFile.Load(_path)).Message, StringComparison.Ordinal);

    private ApplianceConfig Load(string json)
    {
        File.WriteAllText(_path, json);
        return ApplianceFile.Load(_path);
    }
}
