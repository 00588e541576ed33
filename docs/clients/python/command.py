# python3 command.py GATEWAY '{"id":"…","put":[…]}'; the broker is in AMQP_URL.
import json, os, pika, sys

gateway, command = sys.argv[1:3]
connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://localhost")))
channel = connection.channel()
replies = channel.queue_declare("", exclusive=True).method.queue
channel.basic_publish("gateway.commands", gateway, command.encode(), pika.BasicProperties(reply_to=replies, correlation_id=json.loads(command)["id"], delivery_mode=2))
_, _, body = next(channel.consume(replies, auto_ack=True))
outcome = json.loads(body)
print(outcome["id"], outcome["status"], outcome.get("revision", ""), *(f"{e['item']} {e['path']}: {e['message']}" for e in outcome.get("errors", [])))
connection.close()
